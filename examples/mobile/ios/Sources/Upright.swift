/// A decoded photograph: uint8 [height, width, 3], row by row.
struct Pixels {
    let rgb: [UInt8]
    let width: Int
    let height: Int

    /// The photograph as it was seen, by its EXIF orientation 1..8 (anything else: as it is).
    func upright(_ orientation: Int) -> Pixels {
        guard (2...8).contains(orientation) else { return self }
        let turned = orientation >= 5
        let wide = turned ? height : width
        let high = turned ? width : height
        var out = [UInt8](repeating: 0, count: rgb.count)
        for row in 0..<high {
            for column in 0..<wide {
                let x: Int
                switch orientation {
                case 2, 3: x = width - 1 - column
                case 4: x = column
                case 5, 6: x = row
                default: x = width - 1 - row
                }
                let y: Int
                switch orientation {
                case 2: y = row
                case 3, 4: y = height - 1 - row
                case 5, 8: y = column
                default: y = height - 1 - column
                }
                let from = 3 * (y * width + x)
                let to = 3 * (row * wide + column)
                out[to] = rgb[from]
                out[to + 1] = rgb[from + 1]
                out[to + 2] = rgb[from + 2]
            }
        }
        return Pixels(rgb: out, width: wide, height: high)
    }
}
