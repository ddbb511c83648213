package org.overread.mobile

/** A decoded photograph: uint8 [height, width, 3], row by row. */
class Pixels(val rgb: ByteArray, val width: Int, val height: Int)

/** The photograph as it was seen, by its EXIF orientation 1..8 (anything else: as it is). */
fun Pixels.upright(orientation: Int): Pixels {
    if (orientation !in 2..8) return this
    val turned = orientation >= 5
    val wide = if (turned) height else width
    val high = if (turned) width else height
    val out = ByteArray(rgb.size)
    for (row in 0 until high) {
        for (column in 0 until wide) {
            val x = when (orientation) {
                2, 3 -> width - 1 - column
                4 -> column
                5, 6 -> row
                else -> width - 1 - row
            }
            val y = when (orientation) {
                2 -> row
                3, 4 -> height - 1 - row
                5, 8 -> column
                else -> height - 1 - column
            }
            rgb.copyInto(out, 3 * (row * wide + column), 3 * (y * width + x), 3 * (y * width + x) + 3)
        }
    }
    return Pixels(out, wide, high)
}
