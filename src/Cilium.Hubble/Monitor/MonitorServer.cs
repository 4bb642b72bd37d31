using System.Net.Sockets;
using System.Threading.Channels;
using Cilium.Datapath.Events;
using Microsoft.Extensions.Hosting;

namespace Cilium.Hubble.Monitor;

/// <summary>Sends every event of the datapath to whoever listens on a Unix socket, as <c>cilium-dbg monitor</c> does.</summary>
/// <remarks>
/// Costs one read per event while nobody listens. A listener has a bounded queue; what does not fit is counted and told, and neither the
/// datapath's reader nor other listeners wait for it.
/// </remarks>
public sealed class MonitorServer : IDatapathEventSink, IHostedService, IDisposable
{
    private const int QueueLength = 8192;
    private const UnixFileMode SocketMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _path;
    private readonly Lock _changing = new();
    private readonly CancellationTokenSource _stopping = new();
    private Listener[] _listeners = [];
    private Socket? _socket;
    private Task _accepting = Task.CompletedTask;

    /// <summary>Makes a server that does not listen yet.</summary>
    /// <param name="path">Where its socket is to be; an old file there is replaced.</param>
    public MonitorServer(string path) => _path = path;

    /// <summary>How many listen now.</summary>
    public int ListenerCount => Volatile.Read(ref _listeners).Length;

    /// <inheritdoc/>
    public void OnEvent(in DatapathEvent datapathEvent, ReadOnlySpan<byte> packet)
    {
        var listeners = Volatile.Read(ref _listeners);
        if (listeners.Length != 0)
        {
            Send(listeners, MonitorFrame.OfEvent(datapathEvent, packet));
        }
    }

    /// <inheritdoc/>
    public void OnLost(ulong count)
    {
        var listeners = Volatile.Read(ref _listeners);
        if (listeners.Length != 0 && count != 0)
        {
            Send(listeners, MonitorFrame.OfLost(count));
        }
    }

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(_path))!);
        File.Delete(_path);
        _socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _socket.Bind(new UnixDomainSocketEndPoint(_path));
        _socket.Listen();
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_path, SocketMode);
        }

        _accepting = AcceptAsync(_socket);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        _socket?.Dispose();
        await _accepting;
        var listeners = Volatile.Read(ref _listeners);
        foreach (var listener in listeners)
        {
            // One that does not read would have the rest of its stream waited for.
            listener.Dispose();
        }

        await Task.WhenAll(listeners.Select(listener => listener.Sending));
        File.Delete(_path);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket?.Dispose();
        _stopping.Dispose();
    }

    private static void Send(Listener[] listeners, byte[] frame)
    {
        foreach (var listener in listeners)
        {
            listener.Offer(frame);
        }
    }

    private async Task AcceptAsync(Socket socket)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var client = await socket.AcceptAsync(_stopping.Token);
                var listener = new Listener(client);
                Change(listeners => [.. listeners, listener]);
                listener.Sending = SendAsync(listener);
            }
            catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // Stopping disposes the socket; a client that has gone before it was accepted is no loss.
                continue;
            }
        }
    }

    private async Task SendAsync(Listener listener)
    {
        try
        {
            await listener.RunAsync(_stopping.Token);
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The listener has gone or the server stops: either way its queue ends here.
            return;
        }
        finally
        {
            Change(listeners => [.. listeners.Where(other => other != listener)]);
            listener.Dispose();
        }
    }

    private void Change(Func<Listener[], Listener[]> change)
    {
        lock (_changing)
        {
            Volatile.Write(ref _listeners, change(_listeners));
        }
    }

    private sealed class Listener(Socket socket) : IDisposable
    {
        private readonly Channel<byte[]> _queue = Channel.CreateBounded<byte[]>(
            new BoundedChannelOptions(QueueLength) { SingleReader = true, SingleWriter = true, FullMode = BoundedChannelFullMode.Wait });

        private ulong _lost;

        public Task Sending { get; set; } = Task.CompletedTask;

        // Called on the one thread of the datapath's reader.
        public void Offer(byte[] frame)
        {
            if (_lost != 0 && _queue.Writer.TryWrite(MonitorFrame.OfLost(_lost)))
            {
                _lost = 0;
            }

            if (!_queue.Writer.TryWrite(frame))
            {
                _lost++;
            }
        }

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            await using var stream = new BufferedStream(new NetworkStream(socket), 65536);
            await stream.WriteAsync(MonitorFrame.Greeting.ToArray(), cancellationToken);
            await stream.FlushAsync(cancellationToken);
            while (await _queue.Reader.WaitToReadAsync(cancellationToken))
            {
                while (_queue.Reader.TryRead(out var frame))
                {
                    await stream.WriteAsync(frame, cancellationToken);
                }

                await stream.FlushAsync(cancellationToken);
            }
        }

        public void Dispose() => socket.Dispose();
    }
}
