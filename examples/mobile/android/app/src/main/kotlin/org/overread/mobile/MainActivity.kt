package org.overread.mobile

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.widget.Button
import android.widget.LinearLayout
import android.widget.TextView
import java.util.Locale
import java.util.concurrent.Executors

private const val CHOOSE = 1

/** One button and one text: opens the bundle in assets/bundle, tests itself, and reads what is chosen. */
class MainActivity : Activity() {
    private val work = Executors.newSingleThreadExecutor()
    private var reader: Reader? = null
    private lateinit var choose: Button
    private lateinit var said: TextView

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        said = TextView(this).apply { textSize = 18f }
        choose = Button(this).apply {
            setText(R.string.choose)
            isEnabled = false
            setOnClickListener { chooseFile() }
        }
        setContentView(
            LinearLayout(this).apply {
                orientation = LinearLayout.VERTICAL
                setPadding(48, 48, 48, 48)
                addView(choose)
                addView(said)
            },
        )
        inBackground(::openReader)
    }

    /** A device that reads otherwise than where the bundle was packed does not read at all. */
    private fun openReader(): String {
        val files = BundleFiles { assets.open("bundle/$it") }
        val opened = Reader(files)
        val tested = selfTest(opened, files, ::decodePhotograph)
        check(tested.passed) { getString(R.string.self_test_failed, tested.failures.first()) }
        reader = opened
        runOnUiThread { choose.isEnabled = true }
        return getString(R.string.ready, opened.manifest.label, tested.pictures)
    }

    private fun readFile(uri: Uri): String {
        val opened = checkNotNull(reader)
        val content = checkNotNull(contentResolver.openInputStream(uri)).use { it.readBytes() }
        val reading = opened.read(decodePhotograph(content))
        val scores = opened.manifest.classes.zip(reading.scores) { name, score ->
            String.format(Locale.ROOT, "%s %.3f", name, score)
        }
        val lines = mutableListOf(reading.decision.word, scores.joinToString())
        if (reading.quality.isNotEmpty()) lines += getString(R.string.warned, reading.quality.joinToString())
        return (lines + getString(R.string.not_a_diagnosis)).joinToString("\n\n")
    }

    private fun inBackground(task: () -> String) {
        work.execute {
            val text = try {
                task()
            } catch (problem: Exception) {
                problem.message ?: problem.toString()
            }
            runOnUiThread { said.text = text }
        }
    }

    private fun chooseFile() {
        val intent = Intent(Intent.ACTION_GET_CONTENT).setType("image/*")
        startActivityForResult(intent.addCategory(Intent.CATEGORY_OPENABLE), CHOOSE)
    }

    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        super.onActivityResult(request, result, data)
        val uri = data?.data
        if (request == CHOOSE && result == RESULT_OK && uri != null) inBackground { readFile(uri) }
    }

    override fun onDestroy() {
        work.execute { reader?.close() }
        work.shutdown()
        super.onDestroy()
    }
}
