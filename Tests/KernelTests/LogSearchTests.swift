// Which files a pattern means.
import Foundation
import Samples
import Testing

@testable import Kernel

private func matches(_ pattern: String, _ path: String) -> Bool {
  Glob(Bytes(pattern.utf8)).matches(Bytes(path.utf8))
}

@Test(arguments: [
  ("/var/log/*.log", "/var/log/a.log"), ("/var/log/*", "/var/log/a"), ("/*/*/?", "/var/log/a"),
  ("/l/[a-c]x", "/l/bx"), ("/l/[!a-c]x", "/l/dx"), ("/l/[^a]x", "/l/bx"), ("/l/[]-]", "/l/]"), ("/l/[]-]", "/l/-"),
  ("/l/[a-]", "/l/-"), ("/l/.*", "/l/.hidden"), ("/l/a*b*c", "/l/abbbc"), ("/l/**", "/l/x"), ("/l/\\*", "/l/*"),
  ("/l/[", "/l/["), ("/l/a[b", "/l/a[b"), ("/l/[\\]]", "/l/]"), ("//l//x*/", "/l/x1"), ("/l/x\\", "/l/x\\"),
  ("/l/*.*.gz", "/l/a.b.c.gz"),
])
func aPatternMeans(pattern: String, path: String) { #expect(matches(pattern, path)) }

@Test(arguments: [
  ("/var/log/*.log", "/var/log/sub/a.log"), ("/var/log/*", "/var/log"), ("/l/*", "/l/.hidden"),
  ("/l/?hidden", "/l/.hidden"), ("/l/[.]hidden", "/l/.hidden"), ("/l/[a-c]x", "/l/dx"), ("/l/[!a]x", "/l/ax"),
  ("/l/\\*", "/l/x"), ("/l/a*b", "/l/abc"), ("/l/?", "/l/"), ("/l/a?c", "/l/a/c"), ("/l/A", "/l/a"),
  ("/l/[z-a]", "/l/m"),
])
func aPatternDoesNotMean(pattern: String, path: String) { #expect(!matches(pattern, path)) }

@Test func aPatternMadeToTakeForEverDoesNot() {
  let name = String(repeating: "a", count: 250)
  #expect(!matches("/" + String(repeating: "*a", count: 100) + "b", "/" + name))
  let bytes = Bytes("/l/".utf8) + [0xFF, 0xFE]
  #expect(Glob(Bytes("/l/*".utf8)).matches(bytes) && Glob(Bytes("/l/??".utf8)).matches(bytes))
}

/// A tree on /dev/shm, where there is one; gone with its test.
private final class Tree {
  let path: String
  init?() {
    path = "/dev/shm/memwarden-search-\(UUID().uuidString)"
    guard mkdir(path, 0o755) == 0 else { return nil }
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
  func add(_ name: String) {
    let file = path + "/" + name
    try? FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    _ = FileManager.default.createFile(atPath: file, contents: Data(count: 5000))
  }
  func search(_ pattern: String, entries: Int = 1000) -> LogSearch {
    let search = LogSearch(Glob(Bytes((path + pattern).utf8)))
    search.restart()
    while !search.step(entries: entries) {}
    return search
  }
  func names(_ search: LogSearch) -> Set<String> {
    Set(search.found.map { String(String(decoding: $0.path, as: UTF8.self).dropFirst(path.count)) })
  }
}

/// A tmpfs for certain, and no right to mount is needed.
private let hasSharedMemory: Bool = {
  let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
  return mounts.split(separator: "\n").contains { $0.contains(" /dev/shm tmpfs ") } && access("/dev/shm", W_OK) == 0
}()

@Suite(.enabled(if: hasSharedMemory, "needs a writable /dev/shm")) struct LogSearching {
  @Test func filesAndLinksThatMatchAreFoundAndNothingElse() throws {
    let tree = try #require(Tree())
    for name in ["a.log", "b.log", ".c.log", "d.txt", "sub/e.log", "sub/deep/f.log", "x.log/g"] { tree.add(name) }
    symlink("/etc/passwd", tree.path + "/link.log")
    symlink(tree.path + "/sub", tree.path + "/sublink")
    mkfifo(tree.path + "/fifo.log", 0o600)
    #expect(tree.names(tree.search("/*.log")) == ["/a.log", "/b.log", "/link.log"])
    #expect(tree.names(tree.search("/*.log", entries: 1)) == ["/a.log", "/b.log", "/link.log"])
    #expect(tree.names(tree.search("/*/*.log")) == ["/sub/e.log"])
    #expect(tree.names(tree.search("/sublink/*.log")) == ["/sublink/e.log"], "a folder in the pattern may be a link")
    #expect(
      tree.names(tree.search(""))
        == ["/a.log", "/b.log", "/.c.log", "/d.txt", "/sub/e.log", "/sub/deep/f.log", "/x.log/g"])
    #expect(tree.names(tree.search("/none/*")) == [])
    let folders = tree.search("/*/*").folders.map { String(decoding: $0, as: UTF8.self) }
    #expect(Set(folders) == [tree.path, tree.path + "/sub", tree.path + "/x.log"])
  }

  @Test func whatIsTooMuchIsCounted() throws {
    let tree = try #require(Tree())
    for i in 0..<(LogSearch.maximum + 7) { tree.add("\(i).log") }
    let search = tree.search("/*.log", entries: 100)
    #expect(search.found.count == LogSearch.maximum && search.missed == 7 && search.isComplete)
    #expect(search.missedBytes == ByteCount(7 * 8192))
  }
}

@Test func aFolderOnADiskIsNotSearched() {
  let search = LogSearch(Glob(Bytes("/proc/*".utf8)))
  search.restart()
  #expect(search.step(entries: 1000))
  #expect(search.found.isEmpty && search.isOffRAM && search.folders.isEmpty)
}
