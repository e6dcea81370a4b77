import Foundation
import SpeculateShared
import Testing

@testable import SpeculateHub

/// The names of repositories, their files and their addresses.
@Suite struct NameTests {
    @Test("a repository's name has an owner, a name and perhaps a quantization")
    func references() throws {
        let plain = try RepositoryReference("HuggingFaceTB/SmolLM2-135M-Instruct-GGUF")
        #expect(plain.owner == "HuggingFaceTB" && plain.name == "SmolLM2-135M-Instruct-GGUF" && plain.quant == nil)
        let quant = try RepositoryReference("a_b/c.d-e:Q4_K_M")
        #expect(try RepositoryReference("a/b:Q4/c.gguf").quant == "Q4/c.gguf")
        #expect(quant.repository == "a_b/c.d-e" && quant.quant == "Q4_K_M" && quant.description == "a_b/c.d-e:Q4_K_M")
    }

    @Test(
        "what is none is refused with what is expected",
        arguments: [
            "", "/", "a", "a/", "/b", "a/b/c", "../b", "a/..", "a/.b", ".a/b", "-a/b", "a/b-", "a/b.", "a b/c", "a/b\0",
            "a/b\n", "a/é", "a/b:", "a/b:/c", "a/b:c//d", "a/b:c/.d", "a/b:../c", "a/b:.", "a/b:c:d", "~/b",
            "https://x/y", "a\\b/c",
        ])
    func bad(text: String) {
        let error = #expect(throws: ModelFileError.self) { try RepositoryReference(text) }
        #expect(error?.code == .usage && error?.message.contains("expected OWNER/NAME") == true)
        #expect(!RepositoryReference.isLike(text))
    }

    @Test("a path of a file that is missing is not taken for a repository")
    func likeness() {
        #expect(RepositoryReference.isLike("a/b") && RepositoryReference.isLike("a/b-GGUF:x.gguf"))
        #expect(!RepositoryReference.isLike("models/x.gguf") && !RepositoryReference.isLike("models/x.GGUF"))
    }

    @Test("a file's path stays in its folder")
    func files() {
        for path in ["a.gguf", "a/b.gguf", "ü 1.gguf", "a..b", "a-b_c/d"] {
            #expect(RepositoryFile(path: path, byteCount: 1)?.path == path, "\(path)")
        }
        let long = String(repeating: "a", count: 201)
        for path in [
            "", "/a", "a/", "a//b", "..", "../a", "a/../b", ".", "./a", ".a", "a\\b", "a\0b", "a\u{7f}", "c:a", long,
        ] {
            #expect(RepositoryFile(path: path, byteCount: 1) == nil, "\(path)")
        }
        #expect(RepositoryFile(path: "a", byteCount: -1) == nil && RepositoryFile(path: "a", byteCount: 1 << 45) == nil)
    }

    @Test("addresses are encoded, and a mirror may be below a path")
    func addresses() throws {
        let repository = try RepositoryReference("o/n")
        let endpoint = try HubEndpoint("https://mirror.example:8443/hf/")
        #expect(
            endpoint.file("a b/é%?#.gguf", revision: "main", in: repository).absoluteString
                == "https://mirror.example:8443/hf/o/n/resolve/main/a%20b/%C3%A9%25%3F%23.gguf")
        #expect(
            endpoint.tree(repository).absoluteString
                == "https://mirror.example:8443/hf/api/models/o/n/tree/main?recursive=true")
    }

    @Test(
        "the token goes to the endpoint's scheme, host and port, and never readable through a network",
        arguments: [
            ("https://huggingface.co", "https://huggingface.co/x", true),
            ("https://huggingface.co", "https://HuggingFace.co:443/x", true),
            ("https://huggingface.co", "http://huggingface.co/x", false),
            ("https://huggingface.co", "https://huggingface.co:8443/x", false),
            ("https://huggingface.co", "https://cdn.huggingface.co/x", false),
            ("https://huggingface.co", "https://huggingface.co.evil.example/x", false),
            ("https://huggingface.co", "https://huggingface.co@evil.example/x", false),
            ("http://mirror.example", "http://mirror.example/x", false),
            ("http://localhost:80", "http://localhost/x", true), ("http://127.0.0.1:1", "http://127.0.0.1:2/x", false),
        ])
    func token(endpoint: String, url: String, may: Bool) throws {
        #expect(try HubEndpoint(endpoint).mayHaveToken(try #require(URL(string: url))) == may)
    }

    @Test("a token is never part of a text")
    func secret() throws {
        let token = try #require(try AccessToken(HubEnvironment(["HF_TOKEN": "hf_secret"])))
        var dumped = ""
        dump(token, to: &dumped)
        #expect(![dumped, "\(token)", String(reflecting: token)].contains { $0.contains("hf_secret") })
    }
}
