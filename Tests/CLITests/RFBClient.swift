import Glibc
import Machine
import Testing

/// A VNC client as small as can be, by RFC 6143: version 3.8, no security, raw encoding, and pixels of 32 bits as blue,
/// green, red and nothing.
///
/// Server and client run on one thread: `serve` lets the server have its turn whenever the client waits. So no update may
/// be larger than what sockets keep.
final class RFBClient {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let socket: Int32
    private let serve: () -> Void
    private(set) var width = 0
    private(set) var height = 0
    private(set) var name = ""

    init(port: UInt16, serve: @escaping () -> Void) throws {
        self.serve = serve
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            Glibc.close(socket)
            throw Failure(description: "cannot connect: \(String(cString: strerror(errno)))")
        }
    }

    func close() { Glibc.close(socket) }

    /// A port that nobody has, for a moment at least.
    static func freePort() -> UInt16 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(socket, $0, length)
                _ = getsockname(socket, $0, &length)
            }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    func send(_ bytes: [UInt8]) {
        #expect(Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    /// Lets the server take what was sent.
    func settle() {
        for _ in 0..<5 {
            usleep(12_000)
            serve()
        }
    }

    /// Waits up to five seconds for so many bytes.
    func receive(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<2500 where bytes.count < count {
            var piece = [UInt8](repeating: 0, count: count - bytes.count)
            let result = recv(socket, &piece, piece.count, Int32(MSG_DONTWAIT))
            guard result != 0 else { throw Failure(description: "the server hung up") }
            if result > 0 {
                bytes += piece[..<result]
            } else {
                serve()
                usleep(2000)
            }
        }
        guard bytes.count == count else {
            throw Failure(description: "\(bytes.count) bytes came in five seconds, and \(count) were to come")
        }
        return bytes
    }

    /// Whether the server has closed the connection.
    var isHungUp: Bool {
        var byte: UInt8 = 0
        let result = recv(socket, &byte, 1, Int32(MSG_DONTWAIT))
        // A reset, where something that was sent to it lay unread.
        return result == 0 || (result < 0 && errno == ECONNRESET)
    }

    static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
    static func pair(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xff), UInt8(value & 0xff)] }

    /// The handshake and initialisation (7.1 to 7.3), and the pixel format and encodings (7.5.1, 7.5.2).
    func start(encodings: [Int32] = [0]) throws {
        #expect(try receive(12) == [UInt8]("RFB 003.008\n".utf8))
        send(Array("RFB 003.008\n".utf8))
        let kinds = try receive(Int(try receive(1)[0]))
        #expect(kinds.contains(1), "security type None")
        send([1])
        #expect(try receive(4) == [0, 0, 0, 0], "SecurityResult")
        send([1])  // shared
        let start = try receive(24)
        (width, height) = (Self.number(start[0..<2]), Self.number(start[2..<4]))
        name = String(decoding: try receive(Self.number(start[20..<24])), as: UTF8.self)
        // 32 bits, depth 24, little-endian, true colour, maxima of 255, shifts of red, green and blue.
        send([0, 0, 0, 0] + [32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0])
        send(
            [2, 0] + Self.pair(encodings.count)
                + encodings.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } })
    }

    struct Update {
        var place: Rectangle
        var encoding: Int
        /// Of raw encoding: red, green and blue of each pixel.
        var pixels: [[UInt8]] = []
    }

    /// Asks for a part of the screen: all of it, unless told otherwise (7.5.3).
    func requestUpdate(_ part: Rectangle? = nil, incremental: Bool) {
        let part = part ?? Rectangle(width: width, height: height)
        send([3, incremental ? 1 : 0] + [part.x, part.y, part.width, part.height].flatMap(Self.pair))
    }

    /// The rectangles of the next update (7.6.1).
    func update() throws -> [Update] {
        let header = try receive(4)
        guard header[0] == 0 else { throw Failure(description: "message \(header[0]) is no update") }
        var updates: [Update] = []
        for _ in 0..<Self.number(header[2..<4]) {
            let fields = try receive(12)
            var update = Update(
                place: Rectangle(
                    x: Self.number(fields[0..<2]), y: Self.number(fields[2..<4]), width: Self.number(fields[4..<6]),
                    height: Self.number(fields[6..<8])), encoding: Self.number(fields[8..<12]))
            switch update.encoding {
            case 0:
                let bytes = try receive(update.place.width * update.place.height * 4)
                update.pixels = stride(from: 0, to: bytes.count, by: 4).map {
                    [bytes[$0 + 2], bytes[$0 + 1], bytes[$0]]
                }
            case 0xffff_ff21: (width, height) = (update.place.width, update.place.height)  // DesktopSize (7.8.2)
            default: throw Failure(description: "encoding \(update.encoding) was not asked for")
            }
            updates.append(update)
        }
        return updates
    }

    func key(_ symbol: UInt32, isDown: Bool) {
        send([4, isDown ? 1 : 0, 0, 0] + (0..<4).map { UInt8(truncatingIfNeeded: symbol >> (24 - 8 * $0)) })
    }

    func pointer(_ buttons: UInt8, x: Int, y: Int) {
        send([5, buttons] + Self.pair(x) + Self.pair(y))
    }
}
