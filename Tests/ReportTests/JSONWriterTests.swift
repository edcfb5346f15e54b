import Foundation
import Samples
import Testing

@testable import Report

/// What a JSON string says of these bytes: themselves where they are UTF-8, U+FFFD for each byte that is not.
@Test func hostileTextIsOneJSONStringThatSaysTheSame() throws {
  for name in hostileNames {
    var json = JSONWriter()
    json.object { $0.field("name", name) }
    let said = try #require(parse(json.text)["name"] as? String)
    if let valid = String(validating: name, as: UTF8.self) {
      #expect(said == valid)
    } else {
      #expect(said.contains("\u{FFFD}"))
    }
  }
}

@Test func everyByteIsEscapedOrReplacedSoThatTheAnswerIsUTF8() {
  for first in UInt8.min...UInt8.max {
    for second in [0x00, 0x22, 0x5C, 0x61, 0x80, 0xA0, 0xBF, 0xC2, 0xFF] as Bytes {
      var json = JSONWriter()
      json.object { $0.field("name", [first, second, first]) }
      #expect(parse(json.text).count == 1)
      for byte in json.text { if byte < 0x20 || byte == 0x7F { Issue.record("a control byte \(first) \(second)") } }
    }
  }
}

@Test func onlyTheBytesThatAreNotUTF8AreReplaced() {
  var out = Bytes()
  out.writeJSONString([0x61, 0xC3, 0xA4, 0xE2, 0x82, 0x62, 0xF0, 0x9F, 0x98, 0x80, 0xED, 0xBF, 0xBF])
  #expect(string(out) == #""aä\ufffd\ufffdb😀\ufffd\ufffd\ufffd""#)
}

@Test func numbersKeepAllTheirDigits() throws {
  var json = JSONWriter()
  json.object {
    $0.field("most", UInt64.max)
    $0.field("least", Int64.min)
    $0.field("amount", ByteCount(.max))
    $0.field("nothing", nil as ByteCount?)
    $0.field("no", false)
  }
  #expect(
    string(json.text)
      == #"{"most":18446744073709551615,"least":-9223372036854775808,"amount":18446744073709551615,"nothing":null,"no":false}"#
  )
  let most = try #require(parse(json.text)["most"] as? NSNumber)
  #expect(most.uint64Value == .max)
}

@Test func commasStandBetweenValuesAndNowhereElse() {
  var json = JSONWriter()
  json.object {
    $0.object("empty") { _ in }
    $0.array("none") { _ in }
    $0.array("rows") { rows in
      for _ in 0..<2 {
        rows.array {
          $0.number(1); $0.number(2)
        }
      }
      rows.object { $0.null("x") }
      rows.string(bytes("s"))
    }
    $0.field("last", "one")
  }
  #expect(string(json.text) == #"{"empty":{},"none":[],"rows":[[1,2],[1,2],{"x":null},"s"],"last":"one"}"#)
}

@Test func nothingANameHoldsCanMoveACursor() {
  for name in hostileNames + (UInt8.min...UInt8.max).map({ [0xC2, $0] }) {
    var out = Bytes()
    out.writeSafely(name)
    let text = String(validating: out, as: UTF8.self)
    #expect(text != nil)
    for scalar in text?.unicodeScalars ?? "".unicodeScalars {
      if scalar.properties.generalCategory == .control { Issue.record("\(name) keeps \(scalar.value)") }
    }
  }
  var out = Bytes()
  out.writeSafely(bytes("ä😀 ") + [0x1B, 0xC2, 0x9B, 0xFF])
  #expect(string(out) == #"ä😀 \x1b\xc2\x9b\xff"#)
}
