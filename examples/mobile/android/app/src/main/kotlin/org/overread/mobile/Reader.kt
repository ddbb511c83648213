package org.overread.mobile

import ai.onnxruntime.OnnxJavaType
import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtSession
import java.nio.ByteBuffer
import java.nio.FloatBuffer

class Reading(
    /** Calibrated, in the order of the bundle's classes. */
    val scores: List<Double>,
    val decision: Decision,
    val novelty: Double,
    /** The class's coarse heat map, in logits: [classes, height, width]. */
    val saliency: FloatArray,
    val saliencyShape: LongArray,
    /** Why the photograph should be taken again; it changes no decision. */
    val quality: List<String>,
    val bundle: String,
)

/** preprocess.onnx and the network, open in onnxruntime on the CPU. Calls come one after the other. */
class Reader(private val files: BundleFiles) : AutoCloseable {
    val manifest = files.manifest
    private val environment = OrtEnvironment.getEnvironment()
    private val preprocess: OrtSession
    private val network: OrtSession

    init {
        val options = OrtSession.SessionOptions().apply { setIntraOpNumThreads(2) }
        preprocess = environment.createSession(files.read("preprocess.onnx"), options)
        network = environment.createSession(files.read(manifest.network), options)
    }

    /** Read upright pixels; `known` is what is known beside them, by the names of the bundle's metadata. */
    fun read(pixels: Pixels, known: Map<String, Any> = emptyMap()): Reading {
        val size = manifest.preprocess.size.toLong()
        val input = prepare(pixels)
        val beside = tell(manifest.metadata, known)
        val feeds = mutableMapOf("input" to tensor(input, longArrayOf(1, 3, size, size)))
        if (beside.isNotEmpty()) feeds["metadata"] = tensor(beside, longArrayOf(1, beside.size.toLong()))
        try {
            network.run(feeds, setOf("score", "saliency", "novelty")).use { output ->
                val scores = output.floats("score").map { it.toDouble() }
                val novelty = output.floats("novelty")[0].toDouble()
                return Reading(
                    scores = scores,
                    decision = decide(scores, novelty, manifest),
                    novelty = novelty,
                    saliency = output.floats("saliency"),
                    saliencyShape = output.tensor("saliency").info.shape.copyOfRange(1, 4),
                    quality = qualityWarnings(input, pixels.width, pixels.height, manifest),
                    bundle = manifest.label,
                )
            }
        } finally {
            feeds.values.forEach(OnnxTensor::close)
        }
    }

    /** Resized, cropped and normalised by the bundle's own graph: float32 [1, 3, size, size]. */
    private fun prepare(pixels: Pixels): FloatArray {
        val shape = longArrayOf(pixels.height.toLong(), pixels.width.toLong(), 3)
        // onnxruntime copies what is not direct a second time.
        val bytes = ByteBuffer.allocateDirect(pixels.rgb.size).put(pixels.rgb).apply { rewind() }
        OnnxTensor.createTensor(environment, bytes, shape, OnnxJavaType.UINT8).use { image ->
            preprocess.run(mapOf("pixels" to image), setOf("input")).use { return it.floats("input") }
        }
    }

    private fun tensor(values: FloatArray, shape: LongArray) =
        OnnxTensor.createTensor(environment, FloatBuffer.wrap(values), shape)

    override fun close() {
        preprocess.close()
        network.close()
    }
}

private fun OrtSession.Result.tensor(name: String) = get(name).get() as OnnxTensor

private fun OrtSession.Result.floats(name: String): FloatArray {
    val buffer = tensor(name).floatBuffer
    return FloatArray(buffer.remaining()).also { buffer.get(it) }
}
