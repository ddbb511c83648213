import Foundation

/// Whether a JPEG file has its end: ImageIO decodes the rest of a truncated file as grey.
///
/// A thumbnail inside EXIF has an end of its own, so headers are walked first (ITU-T T.81, B.1.1).
func jpegIsWhole(_ content: Data) -> Bool {
    let bytes = [UInt8](content)
    let startOfScan: UInt8 = 0xDA
    let endOfImage: UInt8 = 0xD9
    var at = 2
    while at + 3 < bytes.count, bytes[at] == 0xFF {
        if bytes[at + 1] == startOfScan {
            return (at + 2..<bytes.count - 1).contains { bytes[$0] == 0xFF && bytes[$0 + 1] == endOfImage }
        }
        at += 2 + (Int(bytes[at + 2]) << 8 | Int(bytes[at + 3]))
    }
    return false
}

#if canImport(CTurboJPEG)
    import CTurboJPEG

    /// The decoder that Python has: equal byte for byte, and strict about damaged files.
    func decodeJpeg(_ content: Data) throws -> Pixels {
        let damaged = Problem("the file is damaged: copy it again")
        guard let decoder = tj3Init(Int32(TJINIT_DECOMPRESS.rawValue)) else { throw Problem("out of memory") }
        defer { tj3Destroy(decoder) }
        _ = tj3Set(decoder, Int32(TJPARAM_STOPONWARNING.rawValue), 1)
        return try content.withUnsafeBytes { raw in
            let start = raw.bindMemory(to: UInt8.self).baseAddress
            guard tj3DecompressHeader(decoder, start, raw.count) == 0 else { throw damaged }
            let colours = tj3Get(decoder, Int32(TJPARAM_COLORSPACE.rawValue))
            guard colours != Int32(TJCS_CMYK.rawValue), colours != Int32(TJCS_YCCK.rawValue) else {
                throw Problem("expected a JPEG in colour or grey, not for print: save it as an ordinary JPEG")
            }
            let width = Int(tj3Get(decoder, Int32(TJPARAM_JPEGWIDTH.rawValue)))
            let height = Int(tj3Get(decoder, Int32(TJPARAM_JPEGHEIGHT.rawValue)))
            var rgb = [UInt8](repeating: 0, count: 3 * width * height)
            let format = Int32(TJPF_RGB.rawValue)
            guard tj3Decompress8(decoder, start, raw.count, &rgb, 0, format) == 0 else { throw damaged }
            return Pixels(rgb: rgb, width: width, height: height)
        }
    }
#endif
