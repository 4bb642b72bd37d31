using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Netlink;

namespace Cilium.Lab.Nodes;

/// <summary>Asks a container whether it is well: over HTTP or TCP from the node, or by a command inside.</summary>
internal sealed class Probe(JsonObject definition, JsonNode container, string nodeNamespace, Func<IReadOnlyList<string>, CancellationToken, Task<int>> execute)
{
    public TimeSpan InitialDelay => TimeSpan.FromSeconds(definition.Number("initialDelaySeconds") ?? 0);

    public TimeSpan Period => TimeSpan.FromSeconds(Math.Max(1, definition.Number("periodSeconds") ?? 10));

    public int FailureThreshold => (int)Math.Max(1, definition.Number("failureThreshold") ?? 3);

    private TimeSpan Timeout => TimeSpan.FromSeconds(Math.Max(1, definition.Number("timeoutSeconds") ?? 1));

    /// <summary>Null when all is well, else what is wrong.</summary>
    public async Task<string?> CheckAsync(string podAddress, TimeProvider clock, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(Timeout, clock);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            if (definition.Members("httpGet") is { } get) return await HttpAsync(get, podAddress, ended.Token);
            if (definition.Members("tcpSocket") is { } tcp)
            {
                using var connection = await ConnectAsync(tcp.Text("host") ?? podAddress, PortOf(tcp), ended.Token);
                return null;
            }

            if (definition.Members("exec") is { } exec)
            {
                var code = await execute([.. exec.Items("command").Select(word => word.Display())], ended.Token);
                return code == 0 ? null : $"command exited with {code}";
            }

            return null;
        }
        catch (Exception failure) when (failure is SocketException or IOException or FormatException)
        {
            return failure.Message;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return "timed out";
        }
    }

    private async Task<string?> HttpAsync(JsonObject get, string podAddress, CancellationToken cancel)
    {
        var host = get.Text("host") ?? podAddress;
        var request = new StringBuilder($"GET {get.TextOr("/", "path")} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: kube-probe/1.32\r\nConnection: close\r\n");
        foreach (var header in get.Items("httpHeaders")) request.Append(CultureInfo.InvariantCulture, $"{header.Text("name")}: {header.Text("value")}\r\n");
        request.Append("\r\n");
        using var connection = await ConnectAsync(host, PortOf(get), cancel);
        await using var stream = new NetworkStream(connection);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request.ToString()), cancel);
        using var reader = new StreamReader(stream);
        var status = await reader.ReadLineAsync(cancel);
        var code = status?.Split(' ') is [_, var text, ..] && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        return code is >= 200 and < 400 ? null : $"HTTP probe failed with statuscode: {code}";
    }

    private async Task<Socket> ConnectAsync(string host, int port, CancellationToken cancel)
    {
        var address = IPAddress.Parse(host == "localhost" ? "127.0.0.1" : host);
        using var ns = NetworkNamespace.Open(NetworkNamespace.PathOf(nodeNamespace));
        var socket = ns.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, port), cancel);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private int PortOf(JsonObject probe)
    {
        var port = probe.At("port");
        return (int)(port.AsNumber() ?? container.Items("ports").FirstOrDefault(entry => entry.Text("name") == port.Display()).Number("containerPort") ?? 0);
    }
}
