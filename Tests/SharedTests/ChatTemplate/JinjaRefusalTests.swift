import Foundation
import SpeculateShared
import Testing

@Suite struct JinjaRefusalTests {
    private static let now = CivilTime(year: 2025, month: 1, day: 2)

    private func failure(_ source: String, _ variables: [String: JinjaValue] = [:], limits: JinjaLimits = JinjaLimits())
        -> JinjaError?
    {
        do throws(JinjaError) {
            _ = try JinjaTemplate(source, limits: limits).render(variables, now: Self.now)
            return nil
        } catch {
            return error
        }
    }

    @Test("what is not known is refused by its name, its line, and what there is instead")
    func names() throws {
        let cases: [(source: String, kind: JinjaError.Kind, line: Int, parts: [String])] = [
            ("a\n{% include 'x' %}", .unsupported, 2, ["'include'", "macro"]),
            ("{% extends 'x' %}", .unsupported, 1, ["'extends'"]),
            ("{% block x %}{% endblock %}", .unsupported, 1, ["'block'"]),
            ("{% do x.append(1) %}", .unsupported, 1, ["'do'"]),
            ("{% autoescape true %}{% endautoescape %}", .unsupported, 1, ["'autoescape'"]),
            ("\n\n{{ x | wordwrap }}", .unsupported, 3, ["filter 'wordwrap'", "tojson"]),
            ("{{ x\n | foo.bar }}", .unsupported, 2, ["filter 'foo.bar'"]),
            ("{{ x | map('pprint') }}", .unsupported, 1, ["filter 'pprint'"]),
            ("{{ x | select('prime') }}", .unsupported, 1, ["test 'prime'"]),
            ("{{ x is prime }}", .unsupported, 1, ["test 'prime'", "defined"]),
            ("{{ lipsum() }}", .unsupported, 1, ["function 'lipsum'", "strftime_now"]),
            ("{% for x in y recursive %}{% endfor %}", .unsupported, 1, ["'recursive'"]),
            ("{{ f(*x) }}", .unsupported, 1, ["'*'"]),
            ("{{ 99999999999999999999 }}", .unsupported, 1, ["99999999999999999999"]),
            ("{{ '\\N{DASH}' }}", .unsupported, 1, ["'\\N'"]),
            ("{{ [1].append(2) }}", .unsupported, 1, ["'append'", "namespace"]),
            ("{{ {}.update({}) }}", .unsupported, 1, ["'update'"]),
            ("{{ 'a'.encode() }}", .unsupported, 1, ["'encode'", "startswith"]),
            ("{{ 'a %s' % 1 }}", .unsupported, 1, ["'%'"]),
            ("{{ strftime_now('%c') }}", .unsupported, 1, ["'%c'", "%Y"]),
            ("x\n{{ raise_exception('Roles must alternate') }}", .raised, 2, ["Roles must alternate"]),
            ("{{ x.y }}", .undefined, 1, ["'y'", "'x'"]),
            ("{% if yes %}\n{{ (", .syntax, 2, []),
            ("{% if yes %}x", .syntax, 1, ["endif"]),
            ("{{ 1 + 'a' }}", .value, 1, ["'+'", "int", "str"]),
            // Python has these; 64 bits have not.
            ("{{ 9223372036854775807 | round(-1) }}", .value, 1, ["'round'", "64 bits"]),
            ("{{ ('9' * 20) | int }}", .value, 1, ["'int'", "64 bits"]),
            ("{{ 1e30 | int }}", .value, 1, ["'int'", "64 bits"]),
            ("{{ 2.5 | round(23, 'ceil') }}", .unsupported, 1, ["'round'", "at most 22"]),
        ]
        for (source, kind, line, parts) in cases {
            let error = try #require(failure(source), "\(source)")
            #expect(error.kind == kind && error.line == line, "\(source): \(error)")
            for part in parts { #expect(error.description.contains(part), "\(source): \(error)") }
        }
        #expect(failure("{% if lipsum is defined %}{{ lipsum() }}{% endif %}") == nil)
    }

    @Test(
        "no template takes long, nests deep, or makes much",
        arguments: [
            "{{ 'a' * 1000000000 }}", "{{ 'ab' * 9223372036854775807 }}", "{{ [1] * 1000000000 }}",
            "{{ range(99999999) }}",
            "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}",
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
            "{% macro f(n) %}{{ f(n + 1) }}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
            "{% macro f() %}{% call f() %}x{% endcall %}{{ caller() }}{% endmacro %}{% call f() %}{% endcall %}",
            "{% set n = namespace(x='ab') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
            "{% set n = namespace(x='ab') %}{% for i in range(99) %}{% set n.x = n.x.replace('a', n.x) %}{% endfor %}",
            "{% set n = namespace(x='ab') %}{% for i in range(99) %}{% set n.x = n.x | tojson %}{% endfor %}",
            "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
            "{% set n = namespace(x=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x }}",
            "{% set n = namespace(x={}) %}{% for i in range(9999) %}{% set n.x = {'a': n.x} %}{% endfor %}{{ n.x }}",
            "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
            "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x | tojson }}",
            "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x == n.x | list }}",
            "{% set s = 'ab' * 1000000 %}{% for i in range(99999) %}{{ s.find('ba' * 100000 ~ 'c') }}{% endfor %}",
            "{% set s = 'ab' * 100000 %}{% set d = {s: 1} %}{% for i in range(99999) %}{% if d[s ~ 'x'] %}{% endif %}{% endfor %}",
            "{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{% if s == s %}{% endif %}{% endfor %}",
            "{% set s = 'a ' * 1000000 %}{% for i in range(99999) %}{% set x = s.split() | sort %}{% endfor %}",
            "{{ 'x' | indent(999999999999) }}", "{{ [[[1]]] | tojson(indent=999999999) }}",
            "{{ ([[1]] * 99999) | tojson(indent=99999) }}", "{{ ('a\n' * 99999) | indent(99999) }}",
            "{% set s = 'x' * 3000000 %}{% for i in range(99999) %}{{ s }}{% endfor %}",
            "{{ 9 ** 9 ** 9 }}", "{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}",
            "{{ 9223372036854775807 * 2 }}", "{{ (-9223372036854775807 - 1) // -1 }}",
            "{{ -(-9223372036854775807 - 1) }}",
        ])
    func limits(source: String) throws {
        let start = Self.processorSeconds
        let error = try #require(failure(source), "\(source)")
        #expect(error.kind == .limit || error.kind == .value, "\(source): \(error)")
        #expect(Self.processorSeconds - start < 10, "\(source)")
    }

    /// What this thread has computed so far: other tests run beside it.
    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    @Test(
        "brackets, signs, conditions and blocks nest as deep as the stack allows, and chains are as long as they like",
        arguments: [
            ("(", "1", ")"), ("[", "", "]"), ("{1: ", "1", "}"), ("- ", "1", ""), ("not ", "1", ""),
            ("1 if 1 else ", "1", ""),
            ("x[", "1", "]"), ("f(", "1", ")"), ("1 is eq [", "1", "]"), ("'a' | default(", "1", ")"),
        ])
    func depth(open: String, core: String, close: String) {
        for count in [1000, 20000] {
            let source =
                "{% macro f(x) %}{% endmacro %}{{ " + String(repeating: open, count: count) + core
                + String(repeating: close, count: count) + " }}"
            #expect(failure(source)?.kind == .limit, "\(open)")
        }
        let blocks = String(repeating: "{% if 1 %}", count: 9999) + String(repeating: "{% endif %}", count: 9999)
        #expect(failure(blocks)?.kind == .limit)
        for chain in ["1", " + 1", " - 1", " ~ 1", " and 1", " or 0", " < 1", " == 1", " * 1"] {
            #expect(
                failure("{{ 1" + String(repeating: chain == "1" ? " + 1" : chain, count: 20000) + " }}") == nil,
                "\(chain)")
        }
        #expect(failure("{{ 'a'" + String(repeating: " | upper", count: 20000) + " }}") == nil)
        #expect(failure("{% if 0 %}" + String(repeating: "{% elif 0 %}", count: 20000) + "{% endif %}") == nil)
        #expect(failure(String(repeating: "{{ 1 }}", count: 200_000))?.kind == .limit)
    }

    @Test("a conversation may be long: its own size is granted as work")
    func allowance() throws {
        let template = ChatTemplate(
            jinja: "{% for m in messages %}{{ '[' + m.role + ']' + m.content | trim + '\n' }}{% endfor %}")
        let long = String(repeating: "word ", count: 1_000_000)
        let parts = try template.render([.init(role: .user, content: long), .init(role: .user, content: "x")])
        #expect(JinjaGoldenTests.text(parts).count == long.count - 1 + 15)
    }
}
