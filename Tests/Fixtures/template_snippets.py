"""Snippets of the template language, each for one rule of it."""

VARIABLES = {
    "s": "Hello, World", "t": "  a b\tc \n", "u": "Grüße ẞß ǆ 世界 👍", "e": "", "n": 7, "m": -7, "z": 0, "f": 2.5,
    "yes": True, "no": False, "nil": None, "l": [3, 1, 2], "w": ["b", "A", "c", "a"], "nested": [[1, 2], [3], []],
    "d": {"b": 2, "a": 1, "C": 3}, "items_": {"items": "x", "get": 1, "keys": 2}, "words": "one two  three two",
    "people": [
        {"name": "Ann", "age": 31, "tags": ["x", "y"], "home": {"town": "Ulm"}},
        {"name": "bob", "age": 25, "tags": [], "home": {"town": "Aix"}},
        {"name": "Cid", "age": 31, "tags": ["z"], "home": {}},
    ],
    "q": "it's \"quoted\" \\ \x07 <b>&</b>", "lines": "one\ntwo\n\nthree\n", "mixed": [1, "1", 1.0, True, None, [1], {"k": 1}],
}

_EXPRESSIONS = """
1 + 2 * 3
(1 + 2) * 3
7 // 2
-7 // 2
7 // -2
7 % 3
-7 % 3
7 % -3
7 / 2
6 / 2
2 ** 10
2 ** 3 ** 2
2 ** -1
-2 ** 2
- 3
+n
-n
- -n
-f
7.5 // 2
-7.5 % 2
1 / 0
1 // 0
1 % 0
1.0 / 0
0.1 + 0.2
1e16
1e15 + 0.5
1e-5
0.0001
123456789.123
1e300 * 1e10
2.0 * 3
100 * 1.1
3 == 3.0
1 == true
0 == false
'1' == 1
none == false
nil == none
1_000 + 1
0x1f + 0o17 + 0b11
5 - 3 - 1
2 * 3 ~ 4
1 + 2 ~ 3 + 4
'a' ~ 1 ~ none ~ true ~ 2.0 ~ [1, 'x']
'a' + 'b'
'a' + 1
1 + 'a'
'ab' * 3
3 * 'ab'
'ab' * 0
'ab' * -1
[1] * 3
[1] + [2, 3]
(1,) + (2,)
[1] + (2,)
true + true
'a' 'b' "c"
'it\\'s'
"\\"q\\""
'a\\nb\\tc\\\\d\\x41\\u00e9\\U0001F44D\\101\\q'
1 < 2 < 3
1 < 2 > 1
3 > 2 > 2
1 <= 1 and 2 >= 3
'a' < 'b'
'B' < 'a'
'a' < 1
[1, 2] < [1, 3]
[1] < [1, 0]
(1, 2) == (1, 2)
[1, 2] == (1, 2)
{'a': 1} == {'a': 1.0}
{'a': 1, 'b': 2} == {'b': 2, 'a': 1}
none < 1
1 != 2
'a' != 'a'
not 1 == 2
not not 1
not yes and no
yes or 1 / 0
no and 1 / 0
0 or '' or 'x'
1 and 'y'
'' and 1
none or false
nil or none
'a' in 'cat'
'' in 'cat'
1 in 'cat'
2 in [1, 2]
'2' in [1, 2]
true in [1]
'a' in d
'A' in d
1 in d
1 not in [2]
not 1 in [1]
missing in [1]
'x' in missing
1 in none
1 in 5
1 if yes else 2
1 if no else 2
1 if no
(1 if no) is defined
1 if no else 2 if no else 3
'a' if s == 'Hello, World' else 'b'
[1, 2, 3][0]
[1, 2, 3][-1]
[1, 2, 3][5]
[1, 2, 3][5] is defined
[1, 2, 3][1:]
[1, 2, 3][:-1]
[1, 2, 3][::2]
[1, 2, 3][::-1]
[1, 2, 3][-100:100]
[1, 2, 3][2:1]
[1, 2, 3, 4, 5][3:0:-2]
[1, 2, 3][none:2]
[1, 2, 3]['a']
l.0
l.5
s[0]
s[-1]
s[100]
s[1:4]
s[::-1]
s[::-2]
s[7:]
s[:'a']
s[::0]
u[2]
u[-1]
u | length
u[::-1]
(1, 2, 3)[1:]
(1, 2)
(1,)
()
1, 2
[]
{}
[1, 'a', "b'c", 2.0, none, true, [1, [2]], {'k': 'v'}, (1,), ()]
{'a': 1, 2: 'b', 'c': [1]}
{'a': 1, 'a': 2}
{1: 'a', 1.0: 'b', true: 'c'}
{[1]: 2}
d
people
q
[q]
['\\n\\t\\r\\x00\\x7f\\u00a0\\u200b\\u00e9\\ue000']
["'", '"', '\\'"']
u
d.a
d['a']
d.missing
d['missing']
d.missing is defined
d.missing.x
d[1]
d[missing]
missing
missing.x
missing['x']
missing[0]
missing()
missing + 1
missing ~ 'x'
missing == missing
missing == none
missing is defined
missing is undefined
missing and 1
not missing
missing | length
missing | default('x')
missing | d('x') | upper
missing | list
missing < 1
-missing
nil.x
nil.x is defined
nil['x']
n.x is defined
s.x is defined
s.upper is defined
items_['items']
items_.get is callable
items_['get']
d.items() | list
d.keys() | list
d.values() | list
d.get('a')
d.get('x')
d.get('x', 5)
d.get('x', default=5)
d.get()
d.copy()
d.pop('a')
d.update({'x': 1})
d.setdefault('x', 1)
l.append(4)
l.pop()
l.sort()
l.index(1)
l.index(9)
l.count(1)
l.extend([1])
n.foo()
s.foo()
s()
n()
s.upper()
s.lower()
s.title()
s.capitalize()
u.upper()
u.lower()
u.title()
u.capitalize()
"they're bill's 1st-rate".title()
"they're bill's 1st-rate" | title
t.strip()
t.lstrip() ~ '|'
t.rstrip() ~ '|'
'xxaxx'.strip('x')
'xyaxy'.strip('yx')
'xxaxx'.lstrip('x')
'xxaxx'.rstrip('x')
'xxaxx'.strip(none)
'abc'.strip('')
words.split()
words.split(' ')
words.split(none, 1)
words.split(' ', 1)
words.split('two')
words.split('two')[-1]
words.split(maxsplit=2)
words.split(sep=' ', maxsplit=1)
words.rsplit(' ', 1)
words.rsplit()
words.rsplit(none, 1)
words.split('')
'aXbXc'.rsplit('X', 1)
'aaaa'.split('aa')
'aaa'.rsplit('aa', 1)
''.split()
''.split('x')
'  '.split()
'  '.split(' ')
lines.splitlines()
lines.splitlines(true)
'a\\r\\nb\\rc\\u2028d'.splitlines()
s.startswith('Hell')
s.startswith('x')
s.startswith(('x', 'H'))
s.endswith('ld')
s.endswith('')
s.startswith(1)
s.replace('l', 'L')
s.replace('l', 'L', 1)
s.replace('', '-')
s.replace('', '-', 2)
s.replace('x', 'y')
'aaa'.replace('aa', 'b')
s.find('o')
s.rfind('o')
s.find('x')
s.find('o', 5)
s.find('l', -3)
s.find('')
s.count('l')
s.count('')
'aaaa'.count('aa')
', '.join(w)
', '.join([1])
''.join([])
'-'.join('abc')
'-'.join(d)
'abc'.removeprefix('a')
'abc'.removesuffix('c')
'abc'.removeprefix('x')
'a=b=c'.partition('=')
'a=b=c'.rpartition('=')
'abc'.partition('=')
'abc'.rpartition('=')
'12'.isdigit()
'1a'.isdigit()
''.isdigit()
'ab'.isalpha()
'a1'.isalnum()
' \\t'.isspace()
'AB'.isupper()
'Ab'.isupper()
'ab1'.islower()
'1'.islower()
'²'.isdigit()
'²'.isdecimal()
s | upper
s | lower
s | capitalize
s | title
'foo bar-baz (qux) [x' | title
s | length
s | count
l | length
d | length
n | length
none | length
t | trim
'xxaxx' | trim('x')
n | trim
s | replace('l', 'L')
s | replace('l', 'L', 1)
n | replace('7', 'x')
s | first
s | last
l | first
l | last
[] | first
[] | last
d | first
l | list
s[:3] | list
d | list
n | list
none | list
l | reverse | list
s | reverse
d | items | list
missing | items | list
l | sort
l | sort(reverse=true)
w | sort
w | sort(case_sensitive=true)
w | sort(true)
[1, 'a'] | sort
people | sort(attribute='age') | map(attribute='name') | list
people | sort(attribute='age', reverse=true) | map(attribute='name') | list
people | sort(attribute='home.town') | length
['a', 'A', 'b', 'a'] | unique | list
['a', 'A', 'b'] | unique(true) | list
people | unique(attribute='age') | map(attribute='name') | list
l | sum
l | sum(start=10)
people | sum(attribute='age')
[] | sum
['a'] | sum
nested | sum(start=[])
l | min
l | max
w | min
w | max
w | max(case_sensitive=true)
[] | max
people | max(attribute='age')
d | dictsort
d | dictsort(true)
d | dictsort(by='value')
d | dictsort(reverse=true)
d | dictsort(false, 'value', true)
l | join
l | join(', ')
l | join(d='-')
people | join(', ', attribute='name')
s | join('.')
missing | join(',')
[none, 1.0, true] | join(' ')
people | map(attribute='name') | list
people | map(attribute='home.town') | list
people | map(attribute='home.town', default='?') | list
people | map(attribute='tags.0') | list
w | map('upper') | list
w | map('replace', 'A', 'X') | list
l | map('string') | join('+')
[[1, 2], [3]] | map('length') | list
w | map | list
none | selectattr('x') | list
none | select | list
0 | map('upper') | list
none | map(attribute='x') | list
5 | select | list
'{}-{}'.format(1, 'a')
'{1}{0}{{}}'.format('a', s)
'{a}{b_1}'.format(a=1, b_1=none)
'{}'.format()
'{'.format(1)
'{x}'.format(1)
l | select | list
[0, 1, '', 'a', none] | select | list
[0, 1, '', 'a', none] | reject | list
l | select('odd') | list
l | reject('odd') | list
l | select('gt', 1) | list
l | select('divisibleby', 3) | list
l | select('in', [1, 3]) | list
people | selectattr('tags') | map(attribute='name') | list
people | selectattr('age', 'equalto', 31) | map(attribute='name') | list
people | selectattr('age', '==', 31) | list | length
people | rejectattr('age', 'eq', 31) | map(attribute='name') | list
people | selectattr('home.town', 'defined') | map(attribute='name') | list
people | rejectattr('tags') | map(attribute='name') | list
'5' | int
'5.7' | int
'x' | int
'x' | int(3)
'ff' | int(base=16)
'0xff' | int(0, 16)
'  8 ' | int
5.9 | int
-5.9 | int
none | int
true | int
[1] | int
'2.5' | float
'x' | float
'x' | float(1.5)
3 | float
none | float
'1e3' | float
missing | int
n | string + 'x'
none | string
2.5 | round
3.5 | round
2.567 | round(2)
2.1 | round(method='ceil')
2.9 | round(0, 'floor')
-2.5 | round
42 | round
1234.5 | round(-2)
2.5 | round(0, 'x')
-3 | abs
-2.5 | abs
'a' | abs
s | default('x')
e | default('x')
e | default('x', true)
e | default('x', boolean=true)
none | default('x')
none | default('x', true)
missing | default
d.missing | default(d.a)
lines | indent
lines | indent(2)
lines | indent(2, true)
lines | indent(2, first=true, blank=true)
lines | indent('> ')
'' | indent(2, true)
q | e
q | escape
'<' | safe
s | attr('upper') is callable
d | attr('a')
d | tojson
people | tojson
people | tojson(indent=2)
people | tojson(indent=0)
[] | tojson(indent=2)
{} | tojson(indent=4)
[[], {}] | tojson(indent=1)
q | tojson
u | tojson
u | tojson(ensure_ascii=true)
'\\x7f\\x00\\x1f/' | tojson
d | tojson(sort_keys=true)
d | tojson(separators=(',', ':'))
d | tojson(indent=2, separators=(',', ': '))
d | tojson(indent='\\t')
{1: none, none: true, true: 1.5, 2.5: []} | tojson
[1.0, 1e100, 0.1, 1e-7, 12345678901234567890.0, -0.0] | tojson
(1, 2) | tojson
missing | tojson
[missing] | tojson
none | tojson
n | tojson
n is odd
n is even
m is odd
2.5 is odd
3.0 is odd
4.0 is even
-7 is odd
'a' is odd
n is divisibleby 7
n is divisibleby(3)
n is number
f is number
yes is number
s is number
n is integer
yes is integer
f is integer
f is float
n is float
yes is boolean
n is boolean
yes is true
1 is true
no is false
0 is false
nil is none
none is none
e is none
s is string
n is string
d is mapping
l is mapping
l is sequence
s is sequence
d is sequence
n is sequence
nil is sequence
missing is sequence
l is iterable
s is iterable
n is iterable
missing is iterable
range is callable
s is callable
missing is callable
n is eq 7
n is == 7
n is equalto 7
n is ne 7
n is lt 8
n is lessthan 8
n is le 7
n is gt 6
n is ge 8
n is greaterthan 6
n is in [7]
n is in(l)
n is not in [7]
s is in 'x'
none is sameas none
1 is sameas true
'abc' is lower
'ABC' is upper
n is lower
s is defined
s is not defined
missing is not defined
d.x is defined and d.x
d.a is defined and d.a
not missing is defined
s is string and n is number
s is string is true
1 is not odd or false
(n is odd) is true
-1 is odd
-m is odd
- m | abs
m | abs + 1
'a' ~ 'b' | upper
('a' ~ 'b') | upper
s | upper | lower | length
[1, 2] | length + 1
d.a + 1
'x' if d.a is eq 1 else 'y'
range(3) | list
range(1, 4) | list
range(5, 0, -2) | list
range(0) | list
range(3, 1) | list
range(0, 3, 0) | list
range(100001) | list
range('a') | list
range(3) | length
dict(a=1, b='x')
dict({'a': 1}, b=2)
dict([('a', 1)])
namespace(a=1).a
namespace({'a': 1}).a
namespace().a
strftime_now('%d %b %Y')
strftime_now('%Y-%m-%d %H:%M:%S')
strftime_now('%A, %B %e, %I:%M %p %j %y %%')
strftime_now('%F %T %a')
raise_exception('x')
people[0].name
people[0]['home']['town']
people[0].home.town
people[-1].tags[0]
people[1].tags[0]
people[1:][0].name
people[9].name
d.items() | map('first') | list
d.items() | map('last') | sum
d.items() | list | first
mixed
mixed | select('string') | list
mixed | select('number') | list
mixed | select('mapping') | list
mixed | map('string') | join('|')
l[0:2] | join
s.split(', ')[1][0]
s.split(', ') | last | lower
'%s' | length
'a|b' | replace('|', '/')
'{{' ~ '}}'
{'a': {'b': {'c': 1}}}['a'].b.c
{'a': 1}.a
[1, 2,]
{'a': 1,}
(1, 2,)
(1)
((1))
[[1, 2], [3, 4]][1][0]
'x'.upper().lower()
x
true
True
False
None
none
no or yes and no
1 if 2 > 1 and 3 > 2 else 0
'a' 'b' ~ 'c'
n > 5 and 'big' or 'small'
l == [3, 1, 2]
l | sort == [1, 2, 3]
5 in l | sort
3 in l | sort
-l | first
s.lower() in ['hello, world']
d | length > 2
d.a if d.a else d.b
nested[0][1]
e.strip() or 'empty'
e | trim | length == 0
u.split('ß')
u.replace('👍', 'x')
'é' == 'e\\u0301'
'é' | length
'e\\u0301' | length
'ﬁ'.upper()
'ß' | capitalize
'İ' | lower | length
1.5.x
1 |
| 1
1 +
(1
[1
{1
{1: }
1 2
a b
foo bar
1 is
1 is foo
1 | foo
1 ++ 2
= 1
1 == == 1
'abc
"abc
$
a.
a[
a[]
a[1:2:3:4]
f(
f(,)
f(a=1, 2)
not
1 if
""".strip("\n").split("\n")

_STATEMENTS = [
    "", "plain", "plain\n", "plain\n\n", "a\r\nb\rc", "{{ s }}", "{{s}}", "{{- s -}}", " {{- s -}} x", " {{ s }} \n x", "{{ s }}\n",
    "{{ s }}\n\n", "a {# c #} b", "a\n{# c #}\nb", "a\n  {# c #}\nb", "a {#- c -#} b", "{##}", "{# {{ x }} #}", "{# {% if %} #}x",
    "a\n  {% if yes %}\n  b\n  {% endif %}\nc", "a\n  {%- if yes %}\n  b\n  {%- endif %}\nc", "a\n  {% if yes -%}\n  b\n  {% endif -%}\nc",
    "a\n  {%+ if yes %}\n  b\n  {%+ endif %}\nc", "a\n  {% if yes +%}\n  b\n  {% endif +%}\nc", "x {% if yes %} y {% endif %} z",
    "x\n\t {% if yes %} y\n \t{% endif %}\n z", "{% if yes %}\n\nx{% endif %}\n\n", "  {% if yes %}x{% endif %}", "  {{ s }}\n  {% if yes %}x{% endif %}",
    "{{ s -}}\n  {% if yes %}x{% endif %}", "{{ s }}\n  {% if yes %}x{% endif %}", "{{ s }}  {% if yes %}x{% endif %}", "{{ s -}}  {%+ if yes %}x{% endif %}",
    "a\u00a0{%- if yes -%}\u2003b{% endif %}", "a\n\u00a0{% if yes %}b{% endif %}", "{{ s\n}}", "{%\nif\nyes\n%}x{%\nendif\n%}", "{% if yes %}{% if no %}a{% else %}b{% endif %}{% endif %}",
    "{{+ s }}", "{{ '}}' }}", "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ {'a': 1}}}", "{{ '%}' }}", "{% if '%}' %}x{% endif %}", "{ { }} %} #}", "{{ s", "{% if", "{# x", "{{ }}", "{%  %}",
    "{% raw %}{{ s }}{% endraw %}", "{% raw %}\n{{ s }}\n{% endraw %}\nx", "a {%- raw -%} {{ s }} {%- endraw -%} b", "{% raw %}x", "{% raw -%} {% if %} {%- endraw %}", "a\n  {% raw %}\n b\n  {% endraw %}\nc",
    "{%- raw %} x {% endraw -%} y", "{% raw %}{% raw %}{% endraw %}",
    "{% if yes %}a{% endif %}", "{% if no %}a{% endif %}", "{% if no %}a{% elif yes %}b{% else %}c{% endif %}", "{% if no %}a{% elif no %}b{% elif 0 %}c{% else %}d{% endif %}",
    "{% if missing %}a{% else %}b{% endif %}", "{% if missing.x %}a{% endif %}", "{% if yes %}a", "{% endif %}", "{% else %}", "{% if yes %}{% endfor %}", "{% if %}a{% endif %}", "{% if yes %}a{% else %}b{% else %}c{% endif %}",
    "{% if yes, no %}a{% endif %}", "{% if 'x' not in s and n is number %}a{% endif %}", "{% if not (no or nil) %}a{% endif %}",
    "{% for x in l %}{{ x }}{% endfor %}", "{% for x in l %}{{ x }},{% else %}none{% endfor %}", "{% for x in [] %}{{ x }}{% else %}none{% endfor %}", "{% for x in missing %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in none %}{% endfor %}", "{% for x in 5 %}{% endfor %}", "{% for c in 'añ👍' %}[{{ c }}]{% endfor %}", "{% for k in d %}{{ k }}{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in d | dictsort %}{{ k }}={{ v }};{% endfor %}", "{% for (k, v) in d.items() %}{{ k }}{% endfor %}", "{% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in nested %}{% endfor %}",
    "{% for a, b in [[1, 2]] %}{{ a }}{{ b }}{% endfor %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{% for x in l if x > 1 %}{{ x }}{{ loop.length }}{% endfor %}", "{% for x in l if x > 9 %}{{ x }}{% else %}none{% endfor %}",
    "{% for p in people if p.tags %}{{ loop.index }}{{ p.name }}{% endfor %}", "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {% endfor %}", "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}", "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}",
    "{% for x in l %}{% for y in l %}{{ loop.index }}{{ loop.depth }}{% endfor %}{{ loop.depth0 }}{% endfor %}", "{% for x in l %}{% set outer = loop %}{% for y in l %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}", "{{ loop }}", "{% for x in l %}{% endfor %}{{ loop is defined }}{{ x is defined }}",
    "{% for x in l %}{{ x }}{% if loop.index == 2 %}{% break %}{% endif %}{% endfor %}", "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in l %}{% for y in l %}{% if y == 1 %}{% break %}{% endif %}{{ y }}{% endfor %};{% endfor %}", "{% break %}", "{% continue %}", "{% for x in l %}{% break %}{% else %}e{% endfor %}", "{% for x in l %}{% continue %}{% else %}e{% endfor %}", "{% for x in l %}{% if loop.last %}{% break %}{% endif %}{% else %}e{% endfor %}",
    "{% for x in l | sort | reverse %}{{ x }}{% endfor %}", "{% for x in range(3) %}{{ x }}{% endfor %}", "{% for x in l[::-1] %}{{ x }}{% endfor %}", "{% for x in l", "{% for in l %}{% endfor %}", "{% for x of l %}{% endfor %}", "{% for x in l %}", "{% for true in l %}{% endfor %}", "{% for x.y in l %}{% endfor %}",
    "{% set x = 1 %}{{ x }}", "{% set x = 1, 2 %}{{ x }}", "{% set x, y = 1, 2 %}{{ y }}{{ x }}", "{% set x, y = [1] %}", "{% set (x, y) = [1, 2] %}{{ x }}", "{% set x %}a{{ s }}b{% endset %}{{ x }}", "{% set x | upper %}a{{ s }}b{% endset %}{{ x }}", "{% set x | replace('a', 'b') | trim %} a {% endset %}{{ x }}|",
    "{% if yes %}{% set x = 1 %}{% endif %}{{ x }}", "{% set x = 1 %}{% for y in l %}{% set x = y %}{{ x }}{% endfor %}{{ x }}", "{% set x = 1 %}{% for y in l %}{{ x }}{% set x = x + y %}{{ x }} {% endfor %}{{ x }}", "{% for y in l %}{% if loop.first %}{% set z2 = y %}{% endif %}{{ z2 is defined }}{% endfor %}",
    "{% set ns = namespace(a=1) %}{% for y in l %}{% set ns.a = ns.a + y %}{% endfor %}{{ ns.a }}", "{% set ns = namespace() %}{% set ns.x = 5 %}{{ ns.x }}{{ ns.y is defined }}{{ ns.y }}", "{% set d.a = 5 %}", "{% set missing.a = 5 %}", "{% set ns = namespace(a=1) %}{% set b = ns %}{% set b.a = 2 %}{{ ns.a }}{{ ns == b }}", "{% set ns = namespace(l=[]) %}{% for x in l %}{% set ns.l = ns.l + [x] %}{% endfor %}{{ ns.l }}",
    "{% set s = 'own' %}{{ s }}", "{% set none = 1 %}", "{% set x %}", "{% set x = %}", "{% set 1 = x %}", "{% set range = 5 %}{{ range }}", "{% set x = y = 1 %}", "{%- set x = 1 -%}\n{{ x }}",
    "{% macro f(a) %}[{{ a }}]{% endmacro %}{{ f(1) }}{{ f('x') }}", "{% macro f(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(b=4, a=5) }}{{ f() }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(c=2) }}", "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, a=2) }}", "{% macro f(a=1, b=a) %}{{ b }}{% endmacro %}{{ f(3) }}",
    "{% macro f() %}{{ s }}{{ x }}{% endmacro %}{% set x = 1 %}{{ f() }}", "{% set x = 1 %}{% macro f() %}{{ x }}{% set x = 2 %}{{ x }}{% endmacro %}{{ f() }}{{ x }}", "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "{% macro f(x) %}{{ x | upper }}{% endmacro %}{{ f('a') ~ f('b') }}{{ f('c') | length }}", "{% macro f() %}x{% endmacro %}{{ f is callable }}{{ f.name }}",
    "{% macro f() %}<{{ caller() }}>{% endmacro %}{% call f() %}body{{ s }}{% endcall %}", "{% macro f() %}{% for x in l %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(y) f() %}({{ y }}){% endcall %}", "{% macro f(a) %}{{ a }}{{ caller(1, 2) }}{% endmacro %}{% call(y, z=3) f('q') %}{{ y }}{{ z }}{% endcall %}", "{% call s %}{% endcall %}", "{% macro f(a b) %}{% endmacro %}", "{% macro f %}{% endmacro %}", "{% macro f(a=1, b) %}{% endmacro %}", "{% macro f() %}",
    "{% macro f() %}\n  a\n{% endmacro %}\n{{ f() }}|", "{% for x in l %}{% macro f() %}{{ x }}{% endmacro %}{{ f() }}{% endfor %}", "{% macro f(x) %}{% for i in range(x) %}{{ i }}{% endfor %}{% endmacro %}{% for j in l %}{{ f(j) }};{% endfor %}", "{% macro g() %}g{% endmacro %}{% macro f() %}{{ g() }}{% endmacro %}{{ f() }}", "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}g{% endmacro %}{{ f() }}",
    "{% filter upper %}a{{ s }}{% endfilter %}", "{% filter replace('a', 'b') | upper %}banana{% endfilter %}", "{% filter foo %}{% endfilter %}", "{% filter trim %}\n x \n{% endfilter %}", "{% with a = 1 %}{{ a }}{% endwith %}{{ a }}", "{% with a = 1, b = s %}{{ a }}{{ b }}{% endwith %}", "{% with %}{% set q2 = 1 %}{% endwith %}{{ q2 is defined }}", "{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}",
    "{% generation %}x{{ s }}{% endgeneration %}", "a\n{% generation %}\n  x\n{% endgeneration %}\nb", "{% generation %}{% set g2 = 1 %}{% endgeneration %}{{ g2 is defined }}", "{% generation %}", "{{ raise_exception('no') }}", "{% if no %}{{ raise_exception('no') }}{% endif %}x", "{% do x %}", "{% foo %}", "{% 5 %}", "{% endfoo %}", "{% if yes %}x{% endif foo %}", "{{ 'a' 1 }}", "{{ s if }}",
    "{% for m in people %}{{ '<|' + m['name'] + '|>' }}{% if not loop.last %}\n{% endif %}{% endfor %}", "{% for m in people -%}\n    {{- m.name -}}\n{% endfor %}", "{% for m in people %}\n    {%- if m.age > 30 %}\n        {{- m.name + '\\n' }}\n    {%- endif %}\n{%- endfor %}\nend", "{%- for m in people %}{{- m.name }}{%- endfor -%}",
    "{% set content = '<think>a</think>b' %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1].lstrip('\\n') %}{% endif %}{{ content }}", "{% set ns = namespace(found=false, i=0) %}{% for p in people[::-1] %}{% if not ns.found and p.age == 25 %}{% set ns.found = true %}{% set ns.i = people | length - 1 - loop.index0 %}{% endif %}{% endfor %}{{ ns.i }}",
    "{{ people | map(attribute='name') | join(', ') }}{% for t in people[0].tags %}{{ t }}{% if not loop.last %}, {% endif %}{% endfor %}", "{% if people is iterable and people is not string and people is not mapping %}x{% endif %}", "{% if people[0]['home'] is mapping and 'town' in people[0]['home'] %}x{% endif %}", "{{ (people | first).name }}{{ (people | last)['name'] }}", "{% set x = people | selectattr('name', 'equalto', 'bob') | list %}{{ x[0].age if x else 'none' }}",
    "{% macro r(v) %}{% if v is mapping %}{{ '{' }}{% for k, x in v.items() %}{{ k }}:{{ r(x) }}{% if not loop.last %},{% endif %}{% endfor %}{{ '}' }}{% elif v is iterable and v is not string %}[{% for x in v %}{{ r(x) }};{% endfor %}]{% else %}{{ v }}{% endif %}{% endmacro %}{{ r(people) }}",
    "{%- macro f(x) -%}\n  {{- x -}}\n{%- endmacro -%}\n{{ f('a') }}\n{{- f('b') }}", "{% set x = 'a' if yes else 'b' %}{{ x }}", "{% set x = d.get('zz') or 'dflt' %}{{ x }}", "{% set x = (s | length) % 5 %}{{ x }}", "{% set x = [] %}{% set x = x + [1] %}{{ x | length }}", "{{ '\n' }}x", "{{ 'a\nb' | upper }}", "{{ \"\\n\\n\" ~ s }}", "{{- '' -}}", "x{{ none }}y{{ true }}z{{ 1.0 }}",
]

SNIPPETS = ["{{ " + expression.replace("\\\\", "\\") + " }}" for expression in _EXPRESSIONS] + _STATEMENTS
