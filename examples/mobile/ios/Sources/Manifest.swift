import Foundation

/// What went wrong, in a sentence that says what to do.
struct Problem: LocalizedError {
    let errorDescription: String?

    init(_ sentence: String) { errorDescription = sentence }
}

/// What bundle.json says (docs/reference/bundle.md), as far as a reader needs it.
struct Manifest: Decodable {
    static let newestSchema = 3

    let schemaVersion: Int
    let name: String
    let version: String
    let task: String
    let classes: [String]
    let preprocess: Preprocess
    let files: [String: String]
    let metadata: [MetadataField]?
    let quality: QualityLimits?
    private let ownPoints: [OperatingPoint]
    private let triage: TriageRule
    private let small: SmallNetwork?

    enum CodingKeys: String, CodingKey {
        case schemaVersion = "schema_version"
        case name, version, task, classes, preprocess, files, metadata, quality, triage, small
        case ownPoints = "operating_points"
    }

    /// A bundle that has a small network is read with it, by its own thresholds.
    var label: String { "\(name)@\(version)" + (small == nil ? "" : "+small") }
    var network: String { small == nil ? "network.onnx" : "network.small.onnx" }
    var expected: String { small == nil ? "selftest/expected.json" : "selftest/expected.small.json" }
    var urgent: [String] { triage.urgent }
    var conformal: ConformalRule? { triage.conformal }
    var noveltyThreshold: Double { small?.noveltyThreshold ?? triage.noveltyThreshold }

    /// The first operating point of each urgent class; multiclass: one, of the sum of their scores.
    var decidingPoints: [OperatingPoint] {
        let points = small?.operatingPoints ?? ownPoints
        let wanted = urgent.isEmpty ? [] : task == "multiclass" ? [""] : urgent
        return wanted.compactMap { name in points.first { $0.className == name } }
    }

    static func of(_ content: Data) throws -> Manifest {
        let manifest = try JSONDecoder().decode(Manifest.self, from: content)
        guard (1...newestSchema).contains(manifest.schemaVersion) else {
            throw Problem(
                "bundle.json: this app knows schema versions up to \(newestSchema), "
                    + "got \(manifest.schemaVersion)")
        }
        return manifest
    }
}

struct Preprocess: Decodable {
    let size: Int
    let mean: [Double]
    let std: [Double]
}

struct OperatingPoint: Decodable {
    let name: String
    let className: String
    let threshold: Double

    enum CodingKeys: String, CodingKey {
        case name, threshold
        case className = "class_name"
    }
}

struct TriageRule: Decodable {
    let urgent: [String]
    let noveltyThreshold: Double
    let conformal: ConformalRule?

    enum CodingKeys: String, CodingKey {
        case urgent, conformal
        case noveltyThreshold = "novelty_threshold"
    }
}

/// For each class (but multiclass: its absence and its presence) the score at which it is still possible.
struct ConformalRule: Decodable {
    let lowest: [Double?]
}

struct MetadataField: Decodable {
    let name: String
    let kind: String
    let categories: [String]
}

struct QualityLimits: Decodable {
    let shorterSide: Int
    let dark: Double
    let bright: Double
    let sharpness: Double

    enum CodingKeys: String, CodingKey {
        case dark, bright, sharpness
        case shorterSide = "shorter_side"
    }
}

struct SmallNetwork: Decodable {
    let operatingPoints: [OperatingPoint]
    let noveltyThreshold: Double

    enum CodingKeys: String, CodingKey {
        case operatingPoints = "operating_points"
        case noveltyThreshold = "novelty_threshold"
    }
}
