// Before libconfuse sees a text: comments become blanks, and what its lexer would misread in silence is refused.
// libconfuse 3.3 counts a line or two too many for each comment, skips `*`, `+` and control bytes without a word, takes
// `a|b` for key b of section a, replaces ${NAME} by the environment's value, and takes the end of the file for the
// closing brace that a power cut lost.
import Samples

/// Turns comments into blanks, line by line, so that places stay true. Returns the first thing that cannot be given to
/// libconfuse.
func blankComments(in text: inout Bytes, file: Bytes) -> ConfigurationProblem? {
  var sieve = Sieve()
  let refusal = sieve.run(&text)
  guard let refusal else { return nil }
  return ConfigurationProblem(file: file, line: sieve.line, section: [], key: [], message: Bytes(refusal))
}

private struct Sieve {
  var line: Int32 = 1
  private var position = 0
  /// Whether the byte before was part of an unquoted word: `a//b` is one, `//` alone begins a comment.
  private var inWord = false
  private var depth = 0
  /// Where the outermost open brace stands.
  private var braceLine: Int32 = 0

  /// nil, or what is wrong at `line`.
  mutating func run(_ text: inout Bytes) -> StaticString? {
    for byte in text {
      if byte == 0x0A { line &+= 1 }
      if byte == 0x7F || (byte < 0x20 && byte != 0x09 && byte != 0x0A && byte != 0x0D) {
        return "a control byte: this is not a text file"
      }
    }
    line = 1
    while position < text.count {
      let byte = text[position]
      let next = position + 1 < text.count ? text[position + 1] : 0
      var separates = false
      switch byte {
      case UInt8(ascii: "#"):
        blankLine(&text)
        separates = true
      case UInt8(ascii: "/") where next == UInt8(ascii: "/") && !inWord:
        blankLine(&text)
        separates = true
      case UInt8(ascii: "/") where next == UInt8(ascii: "*") && !inWord:
        guard blankBlock(&text) else { return "a comment begins here and does not end" }
        separates = true
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        if let refusal = skipString(text, quote: byte) { return refusal }
        separates = true
      case UInt8(ascii: "*"), UInt8(ascii: "|"):
        return "a value with * or | needs quotes"
      case UInt8(ascii: "+") where next != UInt8(ascii: "="):
        return "a value with + needs quotes"
      case UInt8(ascii: "$") where next == UInt8(ascii: "{"):
        return "${...} is not replaced here: write the value itself"
      case 0x0D, 0x09, 0x20:
        text[position] = 0x20
        separates = true
      case 0x0A:
        line &+= 1
        separates = true
      case UInt8(ascii: "{"):
        if depth == 0 { braceLine = line }
        depth += 1
        separates = true
      case UInt8(ascii: "}"):
        // One too many is libconfuse's to tell.
        depth = max(depth - 1, 0)
        separates = true
      case UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: "("), UInt8(ascii: ")"):
        separates = true
      default: break
      }
      inWord = !separates
      position += 1
    }
    guard depth > 0 else { return nil }
    line = braceLine
    return "a { is opened here and not closed"
  }

  /// Leaves the position before the newline.
  private mutating func blankLine(_ text: inout Bytes) {
    while position < text.count, text[position] != 0x0A {
      text[position] = 0x20
      position += 1
    }
    position -= 1
  }

  /// Leaves the position on the last byte; false, and `line` where it began, if there is no end.
  private mutating func blankBlock(_ text: inout Bytes) -> Bool {
    let first = line
    var before: UInt8 = 0
    for i in position..<text.count {
      let byte = text[i]
      if byte == 0x0A { line &+= 1 } else { text[i] = 0x20 }
      // The star of the opening does not close: position + 1 is the star, + 2 the earliest other one.
      if byte == UInt8(ascii: "/"), before == UInt8(ascii: "*"), i > position + 2 {
        position = i
        return true
      }
      before = byte
    }
    line = first
    return false
  }

  /// Leaves the position on the closing quote.
  private mutating func skipString(_ text: Bytes, quote: UInt8) -> StaticString? {
    let first = line
    let double = quote == UInt8(ascii: "\"")
    position += 1
    while position < text.count {
      let byte = text[position]
      let next = position + 1 < text.count ? text[position + 1] : 0
      if byte == quote { return nil }
      if byte == 0x0A { line &+= 1 }
      if double, byte == UInt8(ascii: "$"), next == UInt8(ascii: "{") {
        return "${...} is not replaced here: write the value itself, in single quotes"
      }
      if byte == UInt8(ascii: "\\") {
        // \0 would end the value early.
        if double, next == UInt8(ascii: "x") || (next >= 48 && next <= 57) {
          return "\\ and a number is not understood: write the character itself, or use single quotes"
        }
        if next == 0x0A { line &+= 1 }
        position += 1
      }
      position += 1
    }
    line = first
    return "a quote is opened here and not closed"
  }
}
