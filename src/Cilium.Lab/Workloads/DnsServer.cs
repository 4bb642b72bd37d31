using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Cilium.Lab.Workloads;

/// <summary>The cluster's DNS: UDP and TCP, names from the zone file, read again whenever it changes.</summary>
internal sealed class DnsServer(string zoneFile, int port)
{
    private const int MessageLimitBytes = 4096;
    private readonly Lock gate = new();
    private DnsZone zone = new(new Dictionary<string, IReadOnlyList<IPAddress>>());
    private DateTime readAt;

    public Task RunAsync(CancellationToken cancel) => Task.WhenAll(ServeUdpAsync(cancel), ServeTcpAsync(cancel));

    private async Task ServeUdpAsync(CancellationToken cancel)
    {
        // The answer has to leave from the address the question came to, which a socket bound to all addresses gets right here:
        // a pod has one address per family.
        using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { DualMode = true };
        socket.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
        var buffer = new byte[MessageLimitBytes];
        var anyone = new IPEndPoint(IPAddress.IPv6Any, 0);
        while (true)
        {
            try
            {
                var received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, anyone, cancel);
                if (DnsMessage.Answer(buffer.AsSpan(0, received.ReceivedBytes), Zone()) is { } answer)
                    await socket.SendToAsync(answer, SocketFlags.None, received.RemoteEndPoint, cancel);
            }
            catch (SocketException refused)
            {
                await Console.Error.WriteLineAsync($"dns: {refused.Message}");
            }
        }
    }

    private async Task ServeTcpAsync(CancellationToken cancel)
    {
        using var listener = HttpServer.Listen(port);
        while (true) _ = ServeAsync(await listener.AcceptAsync(cancel), cancel);
    }

    private async Task ServeAsync(Socket socket, CancellationToken cancel)
    {
        try
        {
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            var length = new byte[2];
            while (await stream.ReadAtLeastAsync(length, 2, throwOnEndOfStream: false, cancel) == 2)
            {
                var query = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
                await stream.ReadExactlyAsync(query, cancel);
                if (DnsMessage.Answer(query, Zone()) is not { } answer) return;
                BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)answer.Length);
                await stream.WriteAsync((byte[])[.. length, .. answer], cancel);
            }
        }
        catch (Exception ended) when (ended is IOException or SocketException or OperationCanceledException)
        {
            // The client is gone.
            socket.Dispose();
        }
    }

    private DnsZone Zone()
    {
        lock (gate)
        {
            var written = File.GetLastWriteTimeUtc(zoneFile);
            if (written == readAt) return zone;
            zone = DnsZone.Parse(File.ReadLines(zoneFile));
            readAt = written;
            return zone;
        }
    }
}
