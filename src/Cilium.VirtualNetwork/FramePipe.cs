using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Cilium.VirtualNetwork.Wire;

namespace Cilium.VirtualNetwork;

/// <summary>
/// Connects a port with a pair of pipes. Each frame travels behind its length in bytes, four of them in network order. The fabric runs on the
/// thread that calls; nothing here starts one.
/// </summary>
public sealed class FramePipe : IDisposable
{
    /// <summary>No frame may be longer.</summary>
    public const int MaximumFrame = 1 << 17;

    private readonly VirtualPort _port;
    private readonly IDuplexPipe _pipe;

    /// <summary>Takes the port: what leaves by it is written to the pipe.</summary>
    public FramePipe(VirtualPort port, IDuplexPipe pipe)
    {
        ArgumentNullException.ThrowIfNull(port);
        ArgumentNullException.ThrowIfNull(pipe);
        _port = port;
        _pipe = pipe;
        port.Listener = Write;
    }

    /// <summary>Waits for frames from the pipe and injects all that have come whole; they move when the fabric runs.</summary>
    /// <returns>How many; -1 when the other side has completed and everything was read.</returns>
    /// <exception cref="InvalidDataException">A length is below that of an Ethernet header or above <see cref="MaximumFrame"/>.</exception>
    public async ValueTask<int> ReceiveAsync(CancellationToken cancellationToken)
    {
        var result = await _pipe.Input.ReadAsync(cancellationToken).ConfigureAwait(false);
        var rest = result.Buffer;
        var frames = 0;
        while (TryTake(ref rest, out var frame))
        {
            _port.Inject(frame);
            frames++;
        }
        _pipe.Input.AdvanceTo(rest.Start, rest.End);
        if (frames == 0 && result.IsCompleted)
            return rest.IsEmpty ? -1 : throw new InvalidDataException("the pipe ends within a frame");
        return frames;
    }

    /// <summary>Makes what was written available to the reader of the pipe.</summary>
    /// <returns>False when there is no reader any more.</returns>
    public async ValueTask<bool> FlushAsync(CancellationToken cancellationToken) =>
        !(await _pipe.Output.FlushAsync(cancellationToken).ConfigureAwait(false)).IsCompleted;

    /// <summary>Lets go of the port; the pipes stay the caller's.</summary>
    public void Dispose() => _port.Listener = null;

    private static bool TryTake(ref ReadOnlySequence<byte> rest, out byte[] frame)
    {
        frame = [];
        if (rest.Length < sizeof(uint))
            return false;
        Span<byte> prefix = stackalloc byte[sizeof(uint)];
        rest.Slice(0, sizeof(uint)).CopyTo(prefix);
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix);
        if (length is < IpPacket.EthernetBytes or > MaximumFrame)
            throw new InvalidDataException($"a frame of {length} bytes: it has {IpPacket.EthernetBytes} to {MaximumFrame}");
        if (rest.Length < sizeof(uint) + length)
            return false;
        frame = rest.Slice(sizeof(uint), length).ToArray();
        rest = rest.Slice(sizeof(uint) + length);
        return true;
    }

    private void Write(ReadOnlySpan<byte> frame)
    {
        var place = _pipe.Output.GetSpan(sizeof(uint) + frame.Length);
        BinaryPrimitives.WriteUInt32BigEndian(place, (uint)frame.Length);
        frame.CopyTo(place[sizeof(uint)..]);
        _pipe.Output.Advance(sizeof(uint) + frame.Length);
    }
}
