import Foundation

private let scoreTolerance = 1e-5
private let noveltyTolerance = 1e-4

struct SelfTest {
    let pictures: Int
    let largestScoreDifference: Double
    let failures: [String]

    var passed: Bool { failures.isEmpty }
}

private struct Expected: Decodable {
    let images: [ExpectedReading]
}

private struct ExpectedReading: Decodable {
    let file: String
    let metadata: [String: Known]?
    let scores: [Double]
    let novelty: Double
    let decision: String
}

/// Read the bundle's own pictures: does this device say what was said where the bundle was packed?
func selfTest(_ reader: Reader, _ files: BundleFiles, decode: (Data) throws -> Pixels) throws -> SelfTest {
    let rows = try JSONDecoder().decode(Expected.self, from: files.read(reader.manifest.expected)).images
    var largest = 0.0
    var failures: [String] = []
    for row in rows {
        let pixels = try decode(files.read("selftest/\(row.file)"))
        let reading = try reader.read(pixels, known: row.metadata ?? [:])
        let score = zip(row.scores, reading.scores).map { abs($0 - $1) }.max() ?? .infinity
        let novelty = abs(reading.novelty - row.novelty) / (1 + abs(row.novelty))
        largest = max(largest, score)
        let same =
            score <= scoreTolerance && novelty <= noveltyTolerance
            && reading.decision.rawValue == row.decision
        if !same {
            failures.append(
                "\(row.file): scores off by \(score), novelty by \(novelty), \(reading.decision.rawValue)")
        }
    }
    return SelfTest(
        pictures: Set(rows.map(\.file)).count, largestScoreDifference: largest, failures: failures)
}
