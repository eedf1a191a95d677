/// The Sun and four bodies about it, each drawn by every other, in steps of a symplectic integrator.
/// Units: astronomical units, years, and masses with the Sun's at 4 pi^2. Rounded orbits suffice here.
struct Body {
    var x: Double, y: Double, z: Double
    var vx: Double, vy: Double, vz: Double
    var mass: Double
}

let bodyCount = 5

@c(bench)
public func bench() -> UInt64 {
    let bodies = UnsafeMutablePointer<Body>.allocate(capacity: bodyCount)
    defer { bodies.deallocate() }
    let sun = 39.4784176
    bodies[0] = Body(x: 0, y: 0, z: 0, vx: 0, vy: 0, vz: 0, mass: sun)
    bodies[1] = Body(x: 5.20, y: 0.10, z: -0.12, vx: -0.05, vy: 2.75, vz: 0.01, mass: sun / 1047)
    bodies[2] = Body(x: -9.50, y: 0.40, z: 0.37, vx: 0.10, vy: -2.03, vz: 0.05, mass: sun / 3498)
    bodies[3] = Body(x: 0.30, y: 19.20, z: -0.25, vx: -1.43, vy: 0.02, vz: 0.02, mass: sun / 22903)
    bodies[4] = Body(x: -0.20, y: -30.10, z: 0.70, vx: 1.14, vy: -0.03, vz: -0.03, mass: sun / 19412)

    for _ in 0..<2_000 { advance(bodies, by: 0.01) }

    var checksum = checksumStart
    for index in 0..<bodyCount {
        let body = bodies[index]
        for value in [body.x, body.y, body.z, body.vx, body.vy, body.vz] {
            checksum = mix(checksum, value.bitPattern)
        }
    }
    return checksum
}

@inline(never)
func advance(_ bodies: UnsafeMutablePointer<Body>, by step: Double) {
    for first in 0..<bodyCount {
        for second in first &+ 1..<bodyCount {
            let dx = bodies[first].x - bodies[second].x
            let dy = bodies[first].y - bodies[second].y
            let dz = bodies[first].z - bodies[second].z
            let square = dx * dx + dy * dy + dz * dz
            let pull = step / (square * square.squareRoot())
            let ofSecond = bodies[second].mass * pull
            let ofFirst = bodies[first].mass * pull
            bodies[first].vx -= dx * ofSecond
            bodies[first].vy -= dy * ofSecond
            bodies[first].vz -= dz * ofSecond
            bodies[second].vx += dx * ofFirst
            bodies[second].vy += dy * ofFirst
            bodies[second].vz += dz * ofFirst
        }
    }
    for index in 0..<bodyCount {
        bodies[index].x += step * bodies[index].vx
        bodies[index].y += step * bodies[index].vy
        bodies[index].z += step * bodies[index].vz
    }
}
