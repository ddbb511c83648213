import Foundation
import ImageIO

private let mostPixels = 50_000_000

/// Decode a JPEG or PNG file as Python does: upright by EXIF, colour profiles ignored, alpha dropped.
func decodePhotograph(_ content: Data) throws -> Pixels {
    guard let source = CGImageSourceCreateWithData(content as CFData, nil),
        let kind = CGImageSourceGetType(source) as String?,
        kind == "public.jpeg" || kind == "public.png"
    else { throw Problem("expected a JPEG or PNG image: choose another file") }
    let said = CGImageSourceCopyPropertiesAtIndex(source, 0, nil) as? [CFString: Any] ?? [:]
    let width = said[kCGImagePropertyPixelWidth] as? Int ?? 0
    let height = said[kCGImagePropertyPixelHeight] as? Int ?? 0
    guard width * height <= mostPixels else {
        throw Problem("the image has more than \(mostPixels) pixels: choose a smaller one")
    }
    guard kind != "public.jpeg" || jpegIsWhole(content) else {
        throw Problem("the end of the file is missing: copy it again")
    }
    let orientation = said[kCGImagePropertyOrientation] as? Int ?? 1
    #if canImport(CTurboJPEG)
        if kind == "public.jpeg" { return try decodeJpeg(content).upright(orientation) }
    #endif
    guard let image = CGImageSourceCreateImageAtIndex(source, 0, nil),
        CGImageSourceGetStatusAtIndex(source, 0) == .statusComplete
    else { throw Problem("the file is damaged: copy it again") }
    return try pixelsOf(image).upright(orientation)
}

/// The decoder's own bytes: drawing would bring them from the file's colour space to another.
private func pixelsOf(_ image: CGImage) throws -> Pixels {
    guard image.bitsPerComponent == 8, let places = placesOf(image),
        let data = image.dataProvider?.data as Data?
    else { throw Problem("expected 8 bits a channel: save it as an ordinary JPEG or PNG") }
    let step = image.bitsPerPixel / 8
    var rgb = [UInt8]()
    rgb.reserveCapacity(3 * image.width * image.height)
    data.withUnsafeBytes { raw in
        for row in 0..<image.height {
            for column in 0..<image.width {
                let at = row * image.bytesPerRow + column * step
                rgb.append(raw[at + places.red])
                rgb.append(raw[at + places.green])
                rgb.append(raw[at + places.blue])
            }
        }
    }
    return Pixels(rgb: rgb, width: image.width, height: image.height)
}

/// Where a pixel's bytes hold red, green and blue; nil for layouts that would need more than copying.
private func placesOf(_ image: CGImage) -> (red: Int, green: Int, blue: Int)? {
    let little = image.byteOrderInfo == .order32Little
    guard let model = image.colorSpace?.model else { return nil }
    switch (model, image.bitsPerPixel, image.alphaInfo) {
    case (.monochrome, 8, .none): return (0, 0, 0)
    case (.rgb, 24, .none): return (0, 1, 2)
    case (.rgb, 32, .noneSkipLast), (.rgb, 32, .last): return little ? (3, 2, 1) : (0, 1, 2)
    case (.rgb, 32, .noneSkipFirst), (.rgb, 32, .first): return little ? (2, 1, 0) : (1, 2, 3)
    default: return nil
    }
}
