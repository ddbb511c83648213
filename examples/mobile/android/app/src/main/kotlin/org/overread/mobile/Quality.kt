package org.overread.mobile

import kotlin.math.roundToInt

/** What is wrong with a photograph; the numbers are those of overread/imaging/quality.py. */
fun qualityWarnings(input: FloatArray, width: Int, height: Int, manifest: Manifest): List<String> {
    val limits = manifest.quality ?: return emptyList()
    val size = manifest.preprocess.size
    val luma = lumaOf(input, manifest.preprocess)
    val brightness = luma.fold(0L) { sum, level -> sum + level }.toDouble() / luma.size
    return buildList {
        if (minOf(width, height) < limits.shorterSide) add("small")
        if (brightness < limits.dark) add("dark")
        if (brightness > limits.bright) add("bright")
        if (laplacianVariance(luma, size) < limits.sharpness) add("blurred")
    }
}

/** ITU-R BT.601 of the network's input [3, size, size], brought back to grey levels 0..255. */
private fun lumaOf(input: FloatArray, preprocess: Preprocess): IntArray {
    val pixels = preprocess.size * preprocess.size
    fun level(channel: Int, at: Int): Int {
        val value = input[channel * pixels + at].toDouble()
        return (value * (preprocess.std[channel] * 255) + preprocess.mean[channel] * 255).roundToInt()
    }
    return IntArray(pixels) { at ->
        (19595 * level(0, at) + 38470 * level(1, at) + 7471 * level(2, at) + 32768) shr 16
    }
}

private fun laplacianVariance(luma: IntArray, size: Int): Double {
    if (size < 3) return 0.0
    var sum = 0L
    var squares = 0L
    for (row in 1 until size - 1) {
        for (at in row * size + 1 until (row + 1) * size - 1) {
            val edge = luma[at - size] + luma[at + size] + luma[at - 1] + luma[at + 1] - 4 * luma[at]
            sum += edge
            squares += edge.toLong() * edge
        }
    }
    val count = (size - 2).toDouble() * (size - 2)
    val mean = sum / count
    return squares / count - mean * mean
}
