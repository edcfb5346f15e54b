// Values of the configuration: what is accepted, and what is not taken for something near it.
import CLinux
import Policy
import Samples
import Testing

@testable import memwarden

struct ConfigurationValuesTests {
  @Test(
    arguments: [
      ("4096", 4096), ("64K", 65_536), ("64k", 65_536), ("64KiB", 65_536), ("64kB", 65_536), ("24M", 24 << 20),
      ("1G", 1 << 30), ("8B", 8),
    ] as [(String, UInt64)])
  func `A size is a whole number with a unit that is a power of 1024`(text: String, size: UInt64) {
    #expect(parseSize(.zero...ByteCount(.max))(bytes(text)) == ByteCount(size))
  }
  @Test(arguments: [
    "", "K", "24Q", "1.5M", "-1", "+1", " 1", "1 ", "0x10", "24MiBB", "24iB", "24BB", "1Ki", "1KM", "5%",
  ])
  func `What is not quite a size is none`(text: String) {
    #expect(parseSize(.zero...ByteCount(.max))(bytes(text)) == nil)
  }
  @Test func `A size that overflows is out of range and not small`() {
    #expect(parseSize(.zero...ByteCount(1 << 40))(bytes("99999999999999999999G")) == nil)
    #expect(parseSize(.zero...ByteCount(1 << 40))(bytes("18446744073709551615K")) == nil)
  }

  @Test(arguments: [("5%", 500), ("2.5%", 250), ("0.25%", 25), ("100%", 10_000), ("33.33%", 3333), ("100.00%", 10_000)])
  func `A share is held in hundredths of a per cent`(text: String, hundredths: Int) {
    #expect(parseShare(Permyriad(1)...Permyriad(10_000))(bytes(text)) == Permyriad(UInt32(hundredths)))
  }
  @Test(arguments: [
    "", "%", "0%", "5", "5 %", ".5%", "5.%", "5.123%", "5,5%", "5.-1%", "101%", "100.01%", "5%%", "1e1%",
  ])
  func `What is not quite a share is none`(text: String) {
    #expect(parseShare(Permyriad(1)...Permyriad(10_000))(bytes(text)) == nil)
  }

  @Test(arguments: [
    ("200ms", 200), ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000), ("1d", 86_400_000), ("0s", 0),
  ])
  func `A duration is a number and one unit`(text: String, milliseconds: Int) {
    #expect(parseDuration(.zero...(.seconds(86_400)))(bytes(text)) == Milliseconds(Int64(milliseconds)))
  }
  @Test(arguments: ["", "30", "s", "1.5s", "1m30s", "-1s", "30 s", "30S", "1w", "9223372036854775807d", "2d"])
  func `What is not quite a duration, or too long, is none`(text: String) {
    #expect(parseDuration(.zero...(.seconds(86_400)))(bytes(text)) == nil)
  }

  @Test func `A budget is 1 to 32 acts in a duration`() {
    #expect(parseBudget(bytes("5/1h")) == RestartBudget(count: 5, per: .seconds(3600)))
    for text in ["0/1h", "33/1h", "5", "5/", "/1h", "5/h", "5/1h/2", "-5/1h", "5/0s", "5/8d"] {
      #expect(parseBudget(bytes(text)) == nil, "\(text)")
    }
  }

  @Test(
    arguments: [
      ("02:00-05:00", 0x7F, 120, 300), ("Mon-Fri 02:00-05:00", 0b0111110, 120, 300),
      ("Sat,Sun 22:00-04:00", 0b1000001, 1320, 240), ("Fri-Mon 00:00-24:00", 0b1100011, 0, 1440),
      ("Wed 23:59-00:00", 0b0001000, 1439, 0),
    ] as [(String, UInt8, Int, Int)])
  func `A window is days and times`(text: String, days: UInt8, start: Int, end: Int) {
    #expect(parseWindow(bytes(text)) == MaintenanceWindow(days: days, start: start, end: end))
  }
  @Test(arguments: [
    "", "Mon", "Mon-Fri", "2:00-5:00", "02:00", "02:00-", "-05:00", "02:00-24:01", "24:00-05:00", "02:60-05:00",
    "mon 02:00-05:00", "Mon- 02:00-05:00", "Mon-Tue-Wed 02:00-05:00", "Mon,,Tue 02:00-05:00", "Mon Tue 02:00-05:00",
    "02:00-05:00 Mon", "02:0a-05:00", "0200-0500", "02:00-05:00-06:00",
  ])
  func `What is not quite a window is none`(text: String) { #expect(parseWindow(bytes(text)) == nil) }

  @Test func `A signal is a name with or without SIG, or a number`() {
    #expect(parseSignal(bytes("TERM")) == SIGTERM)
    #expect(parseSignal(bytes("SIGUSR1")) == SIGUSR1)
    #expect(parseSignal(bytes("15")) == 15)
    for text in ["", "SIG", "term", "0", "65", "-9", "STOP", "SIGSIGTERM"] {
      #expect(parseSignal(bytes(text)) == nil, "\(text)")
    }
  }

  @Test func `An address is numeric, with a port`() {
    #expect(parseAddress(bytes("127.0.0.1:8741")) == ListenAddress(host: [127, 0, 0, 1], port: 8741))
    let loopback = ListenAddress(host: Bytes(repeating: 0, count: 15) + [1], port: 0)
    #expect(parseAddress(bytes("[::1]:0")) == loopback)
    #expect(loopback.isLoopback && loopback.isIPv6)
    #expect(parseAddress(bytes("127.9.9.9:1"))?.isLoopback == true)
    #expect(parseAddress(bytes("0.0.0.0:80"))?.isLoopback == false)
    #expect(parseAddress(bytes("[::]:80"))?.isLoopback == false)
    let wrong = [
      "", ":", "8741", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-0", "localhost:80", "::1:80", "[::1]",
      "[]:80", "127.1:80", "[127.0.0.1]:80", "127.0.0.1:80 ", "1.2.3.4.5:80",
    ]
    for text in wrong { #expect(parseAddress(bytes(text)) == nil, "\(text)") }
  }

  @Test func `A user is looked up by whole name and never guessed`() {
    let passwd = bytes("root:x:0:0::/root:/bin/sh\nwww-data:x:33:33\nodd:x:y:1\nlast:x:4294967294")
    #expect(findUser(bytes("www-data"), passwd: passwd) == 33)
    #expect(findUser(bytes("last"), passwd: passwd) == 4_294_967_294)
    for name in ["www", "odd", "", "x", "nobody"] { #expect(findUser(bytes(name), passwd: passwd) == nil, "\(name)") }
    #expect(parseUid(bytes("4294967295")) == nil)
  }

  @Test func `A number has no blank before it`() {
    #expect(parseNumber(-1000...1000)(bytes("-900")) == -900)
    for text in ["", "-", " 5", "5 ", "1001", "99999999999999999999", "--5"] {
      #expect(parseNumber(-1000...1000)(bytes(text)) == nil, "\(text)")
    }
  }
}
