// Files and readings that the configuration tests share.
import Foundation
import Samples
import Testing

@testable import memwarden

/// All tests that parse stand below this one: libconfuse's lexer has global state.
@Suite(.serialized) enum ConfigurationTests {}

/// A folder that is gone when its test is.
final class Folder {
  let path: String
  init() {
    path = NSTemporaryDirectory() + "memwarden-configuration-\(UUID().uuidString)"
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult func write(_ text: String, to name: String = "memwarden.conf") -> Bytes {
    write(Bytes(text.utf8), to: name)
  }
  @discardableResult func write(_ text: Bytes, to name: String) -> Bytes {
    let file = path + "/" + name
    try? FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    _ = FileManager.default.createFile(atPath: file, contents: Data(text))
    return Bytes(file.utf8)
  }
  /// Reads a main file of this text; a problem's text is shown without the folder.
  func read(_ text: String) -> Result<Configuration, Complaints> { read(write(text)) }
  func read(_ file: Bytes) -> Result<Configuration, Complaints> {
    let passwd = write("root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/bin/false\nbroken\nodd:x:y:1\n", to: "passwd")
    do throws(ConfigurationProblems) {
      return .success(try readConfiguration(path: file, passwd: passwd))
    } catch {
      let shown = error.list.map {
        String(decoding: $0.text, as: UTF8.self).replacingOccurrences(of: path + "/", with: "")
      }
      return .failure(Complaints(texts: shown))
    }
  }
}

struct Complaints: Error, Equatable {
  var texts: [String]
}

func bytes(_ text: String) -> Bytes { Bytes(text.utf8) }

/// What is wrong with this text, in words; empty if nothing is.
func complaints(_ text: String) -> [String] {
  if case .failure(let complaints) = Folder().read(text) { complaints.texts } else { [] }
}

/// A file of the folder Config.
func sample(_ name: String) throws -> String {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  return try String(contentsOf: root.appendingPathComponent("Config/" + name), encoding: .utf8)
}
