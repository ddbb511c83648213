import Foundation

/// What is known of a field: `.number(61)`, `.text("F")`.
enum Known: Decodable {
    case number(Double)
    case text(String)

    init(from decoder: Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else {
            self = .text(try value.decode(String.self))
        }
    }
}

private let oldest = 125.0

/// What is known beside the image as the network takes it: a number, or the place of a category; else NaN.
func tell(_ fields: [MetadataField], _ known: [String: Known]) throws -> [Float] {
    if let stranger = known.keys.first(where: { name in !fields.contains { $0.name == name } }) {
        throw Problem("the bundle does not ask for '\(stranger)'")
    }
    return try fields.map { field in
        switch (known[field.name], field.kind) {
        case (nil, _):
            return .nan
        case (.some(.number(let number)), "number"):
            guard abs(number) <= Double(Float.greatestFiniteMagnitude) else {
                throw Problem("'\(field.name)': expected a number")
            }
            return field.name == "age" && !(0...oldest).contains(number) ? .nan : Float(number)
        case (.some(.text(let text)), "category"):
            let said = text.trimmingCharacters(in: .whitespaces)
            let place =
                field.categories.firstIndex(of: said)
                ?? field.categories.firstIndex { $0.caseInsensitiveCompare(said) == .orderedSame }
            return place.map { Float($0) } ?? .nan
        default:
            throw Problem("'\(field.name)': expected a \(field.kind == "number" ? "number" : "text")")
        }
    }
}
