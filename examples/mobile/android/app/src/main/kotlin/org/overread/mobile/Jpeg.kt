package org.overread.mobile

private const val START_OF_SCAN = 0xDA
private const val END_OF_IMAGE = 0xD9

/**
 * Whether a JPEG file has its end. Android decodes the rest of a truncated file as grey and says nothing.
 *
 * A thumbnail inside EXIF has an end of its own, so headers are walked first (ITU-T T.81, B.1.1).
 */
fun jpegIsWhole(content: ByteArray): Boolean {
    fun byte(at: Int) = content[at].toInt() and 0xFF
    var at = 2
    while (at + 3 < content.size && byte(at) == 0xFF) {
        val marker = byte(at + 1)
        if (marker == START_OF_SCAN) {
            return (at + 2 until content.size - 1).any { byte(it) == 0xFF && byte(it + 1) == END_OF_IMAGE }
        }
        at += 2 + ((byte(at + 2) shl 8) or byte(at + 3))
    }
    return false
}
