package org.overread.mobile

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.media.ExifInterface
import java.io.ByteArrayInputStream
import java.nio.ByteBuffer

private const val MOST_PIXELS = 50_000_000L

/** Decode a JPEG or PNG file as Python does: upright by EXIF, colour profiles ignored, alpha dropped. */
fun decodePhotograph(content: ByteArray): Pixels {
    val options = BitmapFactory.Options().apply { inJustDecodeBounds = true }
    BitmapFactory.decodeByteArray(content, 0, content.size, options)
    require(options.outMimeType == "image/jpeg" || options.outMimeType == "image/png") {
        "expected a JPEG or PNG image: choose another file"
    }
    require(options.outWidth.toLong() * options.outHeight <= MOST_PIXELS) {
        "the image has more than $MOST_PIXELS pixels: choose a smaller one"
    }
    require(options.outMimeType != "image/jpeg" || jpegIsWhole(content)) {
        "the end of the file is missing: copy it again"
    }
    options.apply {
        inJustDecodeBounds = false
        inScaled = false
        inPremultiplied = false
        inPreferredConfig = Bitmap.Config.ARGB_8888
    }
    val bitmap = requireNotNull(BitmapFactory.decodeByteArray(content, 0, content.size, options)) {
        "the file is damaged: copy it again"
    }
    require(bitmap.config == Bitmap.Config.ARGB_8888) {
        "expected 8 bits a channel: save it as an ordinary JPEG or PNG"
    }
    val pixels = Pixels(rgbOf(bitmap), bitmap.width, bitmap.height)
    bitmap.recycle()
    val exif = ExifInterface(ByteArrayInputStream(content))
    val orientation = ExifInterface.TAG_ORIENTATION
    return pixels.upright(exif.getAttributeInt(orientation, ExifInterface.ORIENTATION_NORMAL))
}

/** The decoder's own bytes: `getPixels` would bring them from the file's colour space to sRGB. */
private fun rgbOf(bitmap: Bitmap): ByteArray {
    val rows = ByteBuffer.allocate(bitmap.rowBytes * bitmap.height)
    bitmap.copyPixelsToBuffer(rows)
    val rgba = rows.array()
    val rgb = ByteArray(3 * bitmap.width * bitmap.height)
    for (row in 0 until bitmap.height) {
        var from = row * bitmap.rowBytes
        var to = 3 * row * bitmap.width
        repeat(bitmap.width) {
            rgb[to] = rgba[from]
            rgb[to + 1] = rgba[from + 1]
            rgb[to + 2] = rgba[from + 2]
            from += 4
            to += 3
        }
    }
    return rgb
}
