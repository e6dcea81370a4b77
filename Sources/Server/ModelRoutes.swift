import Foundation
import Hummingbird
import Speculate

/// `/v1/models`: the served model.
struct ModelRoutes: Sendable {
    private struct Model: Encodable {
        let id: String
        let object = "model"
        let created: Int
        let ownedBy = "speculate"
        /// Tokens of prompt and answer together, once the model is loaded.
        let maxModelLen: Int?
        /// Defaults for what requests leave out.
        let defaults: SamplingDefaults?
    }

    private struct List: Encodable {
        let object = "list"
        let data: [Model]
    }

    let holder: EngineHolder
    let options: ServerOptions
    /// The model's name for clients.
    let model: String
    private let created = Int(Date().timeIntervalSince1970)

    init(holder: EngineHolder, options: ServerOptions, model: String) {
        self.holder = holder
        self.options = options
        self.model = model
    }

    private var description: Model {
        get async {
            let loaded = await holder.engine?.model
            return Model(
                id: model, created: created, maxModelLen: loaded?.contextLength,
                defaults: loaded.map { options.defaults.filled(for: $0).sampling })
        }
    }

    func list() async throws -> Response { try Response(json: List(data: [await description])) }

    func one(_ id: String) async throws -> Response {
        guard id == model else { throw APIError.unknownModel(id, served: model) }
        return try Response(json: await description)
    }
}
