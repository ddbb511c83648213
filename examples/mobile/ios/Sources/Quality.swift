/// What is wrong with a photograph; the numbers are those of overread/imaging/quality.py.
func qualityWarnings(_ input: [Float], width: Int, height: Int, manifest: Manifest) -> [String] {
    guard let limits = manifest.quality else { return [] }
    let luma = lumaOf(input, manifest.preprocess)
    let brightness = Double(luma.reduce(0, +)) / Double(luma.count)
    let found = [
        ("small", min(width, height) < limits.shorterSide),
        ("dark", brightness < limits.dark),
        ("bright", brightness > limits.bright),
        ("blurred", laplacianVariance(luma, size: manifest.preprocess.size) < limits.sharpness),
    ]
    return found.filter { $0.1 }.map { $0.0 }
}

/// ITU-R BT.601 of the network's input [3, size, size], brought back to grey levels 0..255.
private func lumaOf(_ input: [Float], _ preprocess: Preprocess) -> [Int] {
    let pixels = preprocess.size * preprocess.size
    func level(_ channel: Int, _ at: Int) -> Int {
        let value = Double(input[channel * pixels + at])
        return Int((value * (preprocess.std[channel] * 255) + preprocess.mean[channel] * 255).rounded())
    }
    return (0..<pixels).map { at in
        (19595 * level(0, at) + 38470 * level(1, at) + 7471 * level(2, at) + 32768) >> 16
    }
}

private func laplacianVariance(_ luma: [Int], size: Int) -> Double {
    guard size >= 3 else { return 0 }
    var sum = 0
    var squares = 0
    for row in 1..<size - 1 {
        for at in row * size + 1..<(row + 1) * size - 1 {
            let edge = luma[at - size] + luma[at + size] + luma[at - 1] + luma[at + 1] - 4 * luma[at]
            sum += edge
            squares += edge * edge
        }
    }
    let count = Double((size - 2) * (size - 2))
    let mean = Double(sum) / count
    return Double(squares) / count - mean * mean
}
