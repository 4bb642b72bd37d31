using System.Collections;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Cilium.Lab.Workloads;

/// <summary>What runs inside a container of one of the lab's server images.</summary>
internal static class WorkloadProcess
{
    /// <summary>Serves until killed. Returns 2 when the server is unknown.</summary>
    public static async Task<int> RunAsync(string server, int port, string zoneFile, IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        if (server == "dns")
        {
            await new DnsServer(zoneFile, port).RunAsync(cancel);
            return 0;
        }

        var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? "");
        var hostName = environment.GetValueOrDefault("HOSTNAME", Environment.MachineName);
        if (new ServerPages(hostName, environment, arguments).Find(server) is not { } pages)
        {
            await Console.Error.WriteLineAsync($"there is no workload '{server}'");
            return 2;
        }

        var output = Console.Out;
        var http = new HttpServer(PortOf(port, environment, arguments), pages, output, TimeProvider.System).RunAsync(cancel);
        await (server == "agnhost" ? Task.WhenAll(http, EchoDatagramsAsync(8081, hostName, cancel)) : http);
        return 0;
    }

    private static int PortOf(int standard, Dictionary<string, string> environment, IReadOnlyList<string> arguments)
    {
        var stated = Options.Value(arguments, "port") ?? Options.Value(arguments, "http-port") ?? Options.Value(arguments, "listen")?.Split(':').Last()
            ?? environment.GetValueOrDefault("PORT");
        return int.TryParse(stated, NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : standard;
    }

    /// <summary>Agnhost's UDP side: answers <c>hostname</c>, and <c>echo TEXT</c>.</summary>
    private static async Task EchoDatagramsAsync(int port, string hostName, CancellationToken cancel)
    {
        using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { DualMode = true };
        socket.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
        var buffer = new byte[65536];
        while (true)
        {
            var received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.IPv6Any, 0), cancel);
            var text = System.Text.Encoding.UTF8.GetString(buffer, 0, received.ReceivedBytes).Trim();
            var answer = text.StartsWith("echo ", StringComparison.Ordinal) ? text[5..] : text.Equals("hostname", StringComparison.OrdinalIgnoreCase) ? hostName : "";
            await socket.SendToAsync(System.Text.Encoding.UTF8.GetBytes(answer), SocketFlags.None, received.RemoteEndPoint, cancel);
        }
    }
}
