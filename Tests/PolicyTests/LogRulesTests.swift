import Policy
import Samples
import Testing

private func holder(writes: Bool, appends: Bool) -> FileHolder {
  FileHolder(
    identity: Identity(pid: 5, startTicks: 9), descriptor: 3, writes: writes, appends: appends, position: 0)
}

@Test func onlyAWriterWithoutAppendMakesTheTailGoBackWhereItWas() {
  let appending = [holder(writes: true, appends: true), holder(writes: false, appends: false)]
  #expect(writersAppend(appending))
  #expect(writersAppend([]))
  #expect(!writersAppend(appending + [holder(writes: true, appends: false)]))
  #expect(!writersAppend(nil))
}

@Test func theMethodFollowsTheFilesystemAndTheWriters() {
  #expect(cutMethod(on: .tmpfs, writersAppend: true) == .punch)
  #expect(cutMethod(on: .tmpfs, writersAppend: false) == .punch)
  #expect(cutMethod(on: .ramfs, writersAppend: true) == .tailKeep)
  #expect(cutMethod(on: .ramfs, writersAppend: false) == .putBack)
}
