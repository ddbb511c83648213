package org.overread.mobile

import java.io.InputStream
import java.security.MessageDigest
import org.json.JSONObject

/** A bundle's files, each checked before anything is done with it; `open` gives one by its name. */
class BundleFiles(private val open: (String) -> InputStream) {
    val manifest: Manifest

    init {
        val content = open("bundle.json").use(InputStream::readBytes)
        checkSeal(content)
        manifest = Manifest.of(JSONObject(content.decodeToString()))
    }

    /** The bytes of a file; an error where they are not those that the bundle was packed with. */
    fun read(name: String): ByteArray {
        val wanted = requireNotNull(manifest.files[name]) { "the bundle has no file $name" }
        val content = open(name).use(InputStream::readBytes)
        check(sha256(content) == wanted) {
            "$name was changed since the bundle was packed: get the bundle again"
        }
        return content
    }
}

fun sha256(content: ByteArray): String =
    MessageDigest.getInstance("SHA-256").digest(content).joinToString("") { "%02x".format(it) }

/** The seal is the last key: the SHA-256 of bundle.json with the seal's 64 characters written as zeros. */
private fun checkSeal(content: ByteArray) {
    val end = "\"\n}\n"
    val from = content.size - end.length - 64
    val start = "\"seal\": \""
    val whole = from > start.length &&
        content.decodeToString(from - start.length, from) == start &&
        content.decodeToString(content.size - end.length) == end
    check(whole) { "bundle.json has no seal as its last key: get the bundle again" }
    val sealed = content.decodeToString(from, from + 64)
    val blank = content.copyOf().apply { fill('0'.code.toByte(), from, from + 64) }
    check(sha256(blank) == sealed) { "bundle.json was changed since it was sealed: get the bundle again" }
}
