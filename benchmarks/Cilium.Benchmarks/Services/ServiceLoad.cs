using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Cilium.Bpf;
using Cilium.Datapath.Maps;

namespace Cilium.Benchmarks.Services;

/// <summary>Many services for an API server behind <c>kubectl proxy --unix-socket</c>, and the wait for their frontends in the pinned map.</summary>
internal static class ServiceLoad
{
    private const int Parallel = 16;

    /// <summary>Creates services <c>load-N</c> without selector, each with one EndpointSlice.</summary>
    public static async Task<int> CreateAsync(string proxySocket, int services, int backends)
    {
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(proxySocket), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using var client = new HttpClient(handler) { BaseAddress = new Uri("http://localhost") };
        await System.Threading.Tasks.Parallel.ForEachAsync(
            Enumerable.Range(0, services), new ParallelOptions { MaxDegreeOfParallelism = Parallel }, async (number, cancel) =>
            {
                await PostAsync(client, "/api/v1/namespaces/default/services", Service(number), cancel);
                await PostAsync(client, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", Slice(number, backends), cancel);
            });
        return 0;
    }

    /// <summary>
    /// Waits until the pinned map of frontends exists and holds at least as many entries as wanted, and prints when that was, in seconds since boot. It says
    /// "waiting" when it has begun: its own start must not take time from what it waits for.
    /// </summary>
    public static int Await(string pin, int entries)
    {
        Console.WriteLine("waiting");
        while (true)
        {
            using var map = BpfPins.OpenMapOrNull(pin);
            if (map is not null && Count(map) >= entries)
            {
                Console.WriteLine(File.ReadAllText("/proc/uptime").Split(' ')[0]);
                return 0;
            }
            Thread.Sleep(5);
        }
    }

    private static int Count(BpfMap map)
    {
        var cursor = map.As<FrontendKey, FrontendValue>().Read();
        var count = 0;
        while (cursor.Next(out var keys, out _))
            count += keys.Length;
        return count;
    }

    private static async Task PostAsync(HttpClient client, string path, string json, CancellationToken cancel)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(path, content, cancel);
        if (!response.IsSuccessStatusCode)
            throw new InvalidOperationException($"POST {path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync(cancel)}");
    }

    private static string Service(int number) => string.Create(CultureInfo.InvariantCulture,
        $$$"""{"apiVersion":"v1","kind":"Service","metadata":{"name":"load-{{{number}}}"},"spec":{"ports":[{"name":"web","port":80,"protocol":"TCP"}]}}""");

    private static string Slice(int number, int backends)
    {
        var endpoints = string.Join(',', Enumerable.Range(0, backends).Select(backend => string.Create(CultureInfo.InvariantCulture,
            $$$"""{"addresses":["10.200.{{{number / 50}}}.{{{number % 50 * 5 + backend % 5}}}"],"conditions":{"ready":true}}""")));
        return string.Create(CultureInfo.InvariantCulture,
            $$$"""{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"load-{{{number}}}","labels":{"kubernetes.io/service-name":"load-{{{number}}}"}},"addressType":"IPv4","endpoints":[{{{endpoints}}}],"ports":[{"name":"web","port":8080,"protocol":"TCP"}]}""");
    }
}
