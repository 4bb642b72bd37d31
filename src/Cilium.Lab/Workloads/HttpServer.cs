using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cilium.Lab.Workloads;

/// <summary>A request as the lab's servers see it.</summary>
internal sealed record HttpRequest(string Method, string Path, string Query, IReadOnlyList<KeyValuePair<string, string>> Headers, string Body, IPEndPoint Client);

/// <summary>An answer.</summary>
internal sealed record HttpResponse(int Code, string ContentType, string Body, string ServerName = "cilium-lab");

/// <summary>A small HTTP/1.1 server: light, since many run beside each other. Listens on both address families.</summary>
internal sealed class HttpServer(int port, Func<HttpRequest, HttpResponse> answer, TextWriter log, TimeProvider clock)
{
    private const int HeadLimitBytes = 64 * 1024;
    private const int BodyLimitBytes = 1 << 20;

    public async Task RunAsync(CancellationToken cancel)
    {
        using var listener = Listen(port);
        while (true) _ = ServeAsync(await listener.AcceptAsync(cancel), cancel);
    }

    /// <summary>A socket for IPv6 and IPv4, or IPv4 alone where the kernel has no IPv6.</summary>
    public static Socket Listen(int port)
    {
        Socket listener;
        IPAddress any;
        try
        {
            listener = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
            any = IPAddress.IPv6Any;
        }
        catch (SocketException)
        {
            listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            any = IPAddress.Any;
        }

        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(new IPEndPoint(any, port));
        listener.Listen(512);
        return listener;
    }

    private async Task ServeAsync(Socket socket, CancellationToken cancel)
    {
        try
        {
            socket.NoDelay = true;
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            var client = (IPEndPoint)socket.RemoteEndPoint!;
            if (client.Address.IsIPv4MappedToIPv6) client = new IPEndPoint(client.Address.MapToIPv4(), client.Port);
            var pending = new List<byte>();
            while (await ReadAsync(stream, client, pending, cancel) is { } request)
            {
                var response = answer(request);
                var close = request.Headers.Any(header => header.Key.Equals("Connection", StringComparison.OrdinalIgnoreCase) && header.Value.Equals("close", StringComparison.OrdinalIgnoreCase));
                await stream.WriteAsync(Render(request, response, close), cancel);
                await log.WriteLineAsync($"{client.Address} - - [{clock.GetUtcNow():dd/MMM/yyyy:HH:mm:ss +0000}] \"{request.Method} {request.Path} HTTP/1.1\" {response.Code} {response.Body.Length}");
                if (close) return;
            }
        }
        catch (Exception ended) when (ended is IOException or SocketException or OperationCanceledException or InvalidDataException)
        {
            // The client went away or sent what is no HTTP: this connection is over, the others are not.
            socket.Dispose();
        }
    }

    private static byte[] Render(HttpRequest request, HttpResponse response, bool close)
    {
        var body = Encoding.UTF8.GetBytes(response.Body);
        var head = $"HTTP/1.1 {response.Code} {ReasonOf(response.Code)}\r\nServer: {response.ServerName}\r\nContent-Type: {response.ContentType}\r\n"
            + $"Content-Length: {body.Length}\r\nConnection: {(close ? "close" : "keep-alive")}\r\n\r\n";
        return [.. Encoding.ASCII.GetBytes(head), .. request.Method == "HEAD" ? [] : body];
    }

    /// <summary>The next request, or null when the client has closed.</summary>
    private static async Task<HttpRequest?> ReadAsync(NetworkStream stream, IPEndPoint client, List<byte> pending, CancellationToken cancel)
    {
        var buffer = new byte[8192];
        int end;
        while ((end = HeadEnd(pending)) < 0)
        {
            if (pending.Count > HeadLimitBytes) throw new InvalidDataException("the head of a request is too long");
            var count = await stream.ReadAsync(buffer, cancel);
            if (count == 0) return null;
            pending.AddRange(buffer.AsSpan(0, count));
        }

        var lines = Encoding.ASCII.GetString(pending.ToArray(), 0, end).Split("\r\n");
        pending.RemoveRange(0, end + 4);
        if (lines[0].Split(' ') is not [var method, var target, ..]) throw new InvalidDataException("no request line");
        var headers = lines.Skip(1).Select(line => line.Split(':', 2)).Where(parts => parts.Length == 2)
            .Select(parts => KeyValuePair.Create(parts[0].Trim(), parts[1].Trim())).ToList();
        var stated = headers.FirstOrDefault(header => header.Key.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)).Value;
        var length = int.TryParse(stated, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        if (length > BodyLimitBytes) throw new InvalidDataException("the body of a request is too long");
        while (pending.Count < length)
        {
            var count = await stream.ReadAsync(buffer, cancel);
            if (count == 0) return null;
            pending.AddRange(buffer.AsSpan(0, count));
        }

        var body = Encoding.UTF8.GetString(pending.ToArray(), 0, length);
        pending.RemoveRange(0, length);
        var split = target.Split('?', 2);
        return new HttpRequest(method, split[0], split.Length > 1 ? split[1] : "", headers, body, client);
    }

    private static int HeadEnd(List<byte> bytes)
    {
        for (var index = 3; index < bytes.Count; index++)
        {
            if (bytes[index] == '\n' && bytes[index - 1] == '\r' && bytes[index - 2] == '\n' && bytes[index - 3] == '\r') return index - 3;
        }

        return -1;
    }

    private static string ReasonOf(int code) => code switch
    {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    };
}
