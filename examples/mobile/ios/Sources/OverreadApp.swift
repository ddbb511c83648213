import PhotosUI
import SwiftUI

@main
struct OverreadApp: App {
    var body: some Scene { WindowGroup { ReadScreen() } }
}

/// One button and one text: opens the bundle in the app, tests itself, and reads what is chosen.
struct ReadScreen: View {
    @State private var chosen: PhotosPickerItem?
    @State private var said = "Opening the reader …"
    @State private var desk: Desk?

    var body: some View {
        VStack(spacing: 24) {
            // "compatible": iOS turns HEIC, which no bundle was trained on, into JPEG.
            PhotosPicker(
                "Choose a photograph", selection: $chosen, matching: .images,
                preferredItemEncoding: .compatible
            )
            .disabled(desk == nil)
            Text(said)
        }
        .padding()
        .task { await openReader() }
        .onChange(of: chosen) { item in
            guard let item, let desk else { return }
            Task { said = await sentence { try await desk.read(item.loadTransferable(type: Data.self)) } }
        }
    }

    private func openReader() async {
        said = await sentence {
            let opened = try Desk()
            let told = try await opened.test()
            desk = opened
            return told
        }
    }

    private func sentence(_ work: () async throws -> String) async -> String {
        do { return try await work() } catch { return error.localizedDescription }
    }
}

/// Holds the reader away from the screen's thread, one photograph at a time.
actor Desk {
    private let files: BundleFiles
    private let reader: Reader

    init() throws {
        guard let folder = Bundle.main.url(forResource: "bundle", withExtension: nil) else {
            throw Problem("the app has no folder named bundle: copy one into it and build again")
        }
        files = try BundleFiles(folder: folder)
        reader = try Reader(files)
    }

    /// A device that reads otherwise than where the bundle was packed does not read at all.
    func test() throws -> String {
        let tested = try selfTest(reader, files, decode: decodePhotograph)
        guard tested.passed else {
            throw Problem(
                "This device reads otherwise than where the bundle was made: \(tested.failures[0]). "
                    + "Use the web app on it instead.")
        }
        return "\(reader.manifest.label) is open. This device reads correctly (\(tested.pictures) pictures)."
    }

    func read(_ content: Data?) throws -> String {
        guard let content else { throw Problem("the photograph is not on this device: download it first") }
        let reading = try reader.read(decodePhotograph(content))
        let scores = zip(reader.manifest.classes, reading.scores).map { name, score in
            "\(name) \(String(format: "%.3f", score))"
        }
        let words = reading.quality.joined(separator: ", ")
        let warned = words.isEmpty ? [] : ["Better take it again: \(words)."]
        let lines = [reading.decision.rawValue, scores.joined(separator: ", ")] + warned
        return (lines + ["A second opinion, not a diagnosis."]).joined(separator: "\n\n")
    }
}
