import CryptoKit
import Foundation

/// A bundle's folder; each file is checked before anything is done with it.
struct BundleFiles {
    let folder: URL
    let manifest: Manifest

    init(folder: URL) throws {
        self.folder = folder
        let content = try Data(contentsOf: folder.appendingPathComponent("bundle.json"))
        try checkSeal(content)
        manifest = try Manifest.of(content)
    }

    /// The bytes of a file; an error where they are not those that the bundle was packed with.
    func read(_ name: String) throws -> Data {
        guard let wanted = manifest.files[name] else { throw Problem("the bundle has no file \(name)") }
        let content = try Data(contentsOf: folder.appendingPathComponent(name))
        guard sha256(content) == wanted else {
            throw Problem("\(name) was changed since the bundle was packed: get the bundle again")
        }
        return content
    }

    /// The path of a file, once it is checked: onnxruntime opens models by their path.
    func checkedPath(_ name: String) throws -> String {
        _ = try read(name)
        return folder.appendingPathComponent(name).path
    }
}

func sha256(_ content: Data) -> String {
    SHA256.hash(data: content).map { String(format: "%02x", $0) }.joined()
}

/// The seal is the last key: the SHA-256 of bundle.json with the seal's own 64 characters written as zeros.
private func checkSeal(_ content: Data) throws {
    let start = Data("\"seal\": \"".utf8)
    let end = Data("\"\n}\n".utf8)
    let from = content.count - end.count - 64
    guard from > start.count, content.suffix(end.count) == end,
        content.subdata(in: from - start.count..<from) == start
    else { throw Problem("bundle.json has no seal as its last key: get the bundle again") }
    let seal = from..<from + 64
    var blank = content
    blank.replaceSubrange(seal, with: Data(repeating: UInt8(ascii: "0"), count: 64))
    guard sha256(blank) == String(decoding: content.subdata(in: seal), as: UTF8.self) else {
        throw Problem("bundle.json was changed since it was sealed: get the bundle again")
    }
}
