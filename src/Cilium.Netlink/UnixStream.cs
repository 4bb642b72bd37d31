using System.Runtime.InteropServices;
using System.Text;
using Cilium.Netlink.Native;

namespace Cilium.Netlink;

/// <summary>
/// A Unix stream socket of one thread that waits in the kernel. The framework's sockets make a poll and a thread with their first one, blocking
/// or not: one of the twenty milliseconds of a CNI plugin's life.
/// </summary>
public sealed unsafe class UnixStream : IDisposable
{
    private const ushort FamilyUnix = 1;
    private const int StreamCloseOnExec = 1 | 0x80000;
    private const int ReceiveTimeout = 20;
    private const int SendTimeout = 21;
    private const int NoSignal = 0x4000;
    private const int DoNotWait = 0x40;
    private const int Peek = 2;
    private const int Interrupted = 4;
    private const int Again = 11;
    private const int LongestPath = 107;

    private readonly FileHandle _socket;

    private UnixStream(FileHandle socket) => _socket = socket;

    /// <summary>Connects to a socket in the file system.</summary>
    /// <param name="path">At most 107 bytes (unix(7)).</param>
    /// <param name="patience">How long this and then each call may wait: a listener that accepts nobody has a queue that fills.</param>
    /// <exception cref="IOException">Nobody listens there, or the path is too long; the message is the kernel's.</exception>
    /// <exception cref="TimeoutException">The patience ended.</exception>
    public static UnixStream Connect(string path, TimeSpan patience)
    {
        var bytes = Encoding.UTF8.GetBytes(path);
        if (bytes.Length > LongestPath)
        {
            throw new IOException($"the path is longer than {LongestPath} bytes");
        }

        Span<byte> address = stackalloc byte[2 + LongestPath + 1];
        address.Clear();
        MemoryMarshal.Write(address, FamilyUnix);
        bytes.CopyTo(address[2..]);
        var fd = Libc.socket(FamilyUnix, StreamCloseOnExec, 0);
        if (fd < 0)
            throw Failure();
        var stream = new UnixStream(new FileHandle(fd));
        try
        {
            // The kernel's connect waits as long as a send.
            stream.Patience = patience;
            fixed (byte* pointer = address)
            {
                while (Libc.connect(stream._socket, pointer, 2 + bytes.Length + 1) != 0)
                {
                    ThrowUnlessInterrupted();
                }
            }

            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>How long a call of <see cref="Send"/> or <see cref="Receive"/> may wait from now on.</summary>
    public TimeSpan Patience
    {
        set
        {
            var microseconds = Math.Max((long)value.TotalMicroseconds, 1);
            Span<long> time = [microseconds / 1_000_000, microseconds % 1_000_000];
            fixed (long* pointer = time)
            {
                if (Libc.setsockopt(_socket, Libc.SolSocket, ReceiveTimeout, pointer, 16) != 0 || Libc.setsockopt(_socket, Libc.SolSocket, SendTimeout, pointer, 16) != 0)
                {
                    throw Failure();
                }
            }
        }
    }

    /// <summary>Whether the peer is there and has said nothing since.</summary>
    public bool IsQuiet
    {
        get
        {
            byte one;
            return Libc.recv(_socket, &one, 1, Peek | DoNotWait) < 0 && Marshal.GetLastPInvokeError() == Again;
        }
    }

    /// <summary>Sends all bytes.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="TimeoutException">The patience ended.</exception>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            fixed (byte* pointer = bytes)
            {
                var sent = Libc.send(_socket, pointer, bytes.Length, NoSignal);
                if (sent >= 0)
                {
                    bytes = bytes[(int)sent..];
                }
                else
                {
                    ThrowUnlessInterrupted();
                }
            }
        }
    }

    /// <summary>Bytes received; 0 when the peer has closed.</summary>
    /// <exception cref="IOException">The connection broke.</exception>
    /// <exception cref="TimeoutException">The patience ended.</exception>
    public int Receive(Span<byte> buffer)
    {
        while (true)
        {
            fixed (byte* pointer = buffer)
            {
                var received = Libc.recv(_socket, pointer, buffer.Length, 0);
                if (received >= 0)
                {
                    return (int)received;
                }
            }

            ThrowUnlessInterrupted();
        }
    }

    /// <summary>Closes it.</summary>
    public void Dispose() => _socket.Dispose();

    private static void ThrowUnlessInterrupted()
    {
        switch (Marshal.GetLastPInvokeError())
        {
            case Interrupted:
                return;
            case Again:
                throw new TimeoutException("the time is over");
            default:
                throw Failure();
        }
    }

    private static IOException Failure() => new(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));
}
