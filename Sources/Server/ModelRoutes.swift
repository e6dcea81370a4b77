import Foundation
import Hummingbird

/// `/v1/models`: the one model that is served.
struct ModelRoutes: Sendable {
    private struct Model: Encodable {
        let id: String
        let object = "model"
        let created: Int
        let ownedBy = "speculate"
    }

    private struct List: Encodable {
        let object = "list"
        let data: [Model]
    }

    private let model: Model

    init(model: String) { self.model = Model(id: model, created: Int(Date().timeIntervalSince1970)) }

    func list() throws -> Response { try Response(json: List(data: [model])) }

    func one(_ id: String) throws -> Response {
        guard id == model.id else { throw APIError.unknownModel(id, served: model.id) }
        return try Response(json: model)
    }
}
