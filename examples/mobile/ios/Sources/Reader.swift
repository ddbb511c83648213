import Foundation
import OnnxRuntimeBindings

struct Reading {
    /// Calibrated, in the order of the bundle's classes.
    let scores: [Double]
    let decision: Decision
    let novelty: Double
    /// Coarse heat maps in logits: [classes, height, width].
    let saliency: [Float]
    let saliencyShape: [Int]
    /// Why the photograph should be taken again; it changes no decision.
    let quality: [String]
    let bundle: String
}

/// preprocess.onnx and the network, open in onnxruntime on the CPU. Calls come one after the other.
final class Reader {
    let manifest: Manifest
    private let environment: ORTEnv
    private let preprocess: ORTSession
    private let network: ORTSession

    init(_ files: BundleFiles) throws {
        manifest = files.manifest
        let environment = try ORTEnv(loggingLevel: .error)
        let options = try ORTSessionOptions()
        try options.setIntraOpNumThreads(2)
        func open(_ name: String) throws -> ORTSession {
            try ORTSession(env: environment, modelPath: files.checkedPath(name), sessionOptions: options)
        }
        self.environment = environment
        preprocess = try open("preprocess.onnx")
        network = try open(files.manifest.network)
    }

    /// Read upright pixels; `known` is what is known beside them, by the names of the bundle's metadata.
    func read(_ pixels: Pixels, known: [String: Known] = [:]) throws -> Reading {
        let size = manifest.preprocess.size
        let input = try prepare(pixels)
        var feeds = ["input": try tensor(input, shape: [1, 3, size, size])]
        let beside = try tell(manifest.metadata ?? [], known)
        if !beside.isEmpty { feeds["metadata"] = try tensor(beside, shape: [1, beside.count]) }
        let output = try network.run(
            withInputs: feeds, outputNames: ["score", "saliency", "novelty"], runOptions: nil)
        let scores = try floats(output["score"]).map { Double($0) }
        let novelty = Double(try floats(output["novelty"])[0])
        let shape = try output["saliency"]?.tensorTypeAndShapeInfo().shape.map(\.intValue) ?? []
        return Reading(
            scores: scores,
            decision: decide(scores, novelty: novelty, manifest: manifest),
            novelty: novelty,
            saliency: try floats(output["saliency"]),
            saliencyShape: Array(shape.dropFirst()),
            quality: qualityWarnings(input, width: pixels.width, height: pixels.height, manifest: manifest),
            bundle: manifest.label
        )
    }

    /// Resized, cropped and normalised by the bundle's own graph: float32 [1, 3, size, size].
    private func prepare(_ pixels: Pixels) throws -> [Float] {
        let image = try ORTValue(
            tensorData: NSMutableData(data: Data(pixels.rgb)),
            elementType: .uInt8,
            shape: [pixels.height, pixels.width, 3].map { NSNumber(value: $0) })
        let output = try preprocess.run(
            withInputs: ["pixels": image], outputNames: ["input"], runOptions: nil)
        return try floats(output["input"])
    }

    private func tensor(_ values: [Float], shape: [Int]) throws -> ORTValue {
        let data = values.withUnsafeBufferPointer { Data(buffer: $0) }
        return try ORTValue(
            tensorData: NSMutableData(data: data),
            elementType: .float,
            shape: shape.map { NSNumber(value: $0) })
    }

    private func floats(_ value: ORTValue?) throws -> [Float] {
        guard let value else { throw Problem("the network gave no such output: pack the bundle again") }
        let data = Data(referencing: try value.tensorData())
        return data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }
}
