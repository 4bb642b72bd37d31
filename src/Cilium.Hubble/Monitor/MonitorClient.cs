using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Cilium.Hubble.Monitor;

/// <summary>Listens to the monitor socket of an agent.</summary>
public static class MonitorClient
{
    /// <summary>The messages from now on; ends when the agent closes the stream.</summary>
    /// <exception cref="SocketException">Nobody listens on the socket.</exception>
    /// <exception cref="IOException">The stream speaks another version or broke.</exception>
    public static async IAsyncEnumerable<MonitorMessage> ListenAsync(
        string path, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
        await using var stream = new BufferedStream(new NetworkStream(socket), 65536);
        var head = new byte[8];
        await stream.ReadExactlyAsync(head, cancellationToken);
        if (!head.AsSpan().SequenceEqual(MonitorFrame.Greeting))
        {
            throw new IOException($"{path} speaks another version of the monitor protocol");
        }

        while (true)
        {
            var read = await stream.ReadAtLeastAsync(head.AsMemory(0, 4), 4, throwOnEndOfStream: false, cancellationToken);
            if (read < 4)
            {
                yield break;
            }

            var length = BinaryPrimitives.ReadInt32LittleEndian(head);
            if (length is <= 0 or > MonitorFrame.MaximumBytes)
            {
                throw new IOException($"{path} sent a frame of {length} bytes");
            }

            var body = new byte[length];
            await stream.ReadExactlyAsync(body, cancellationToken);
            if (MonitorFrame.TryRead(body, out var message))
            {
                yield return message;
            }
        }
    }
}
