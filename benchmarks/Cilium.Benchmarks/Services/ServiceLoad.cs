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

    // Of cilium_lb_ids (bpf/lib/maps.h): the service id to be given next.
    private const uint NextService = 1;

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
    /// Waits until the pinned maps of a new datapath hold at least as many frontends as wanted, and prints when that was, in seconds since boot. It says
    /// "waiting" when it has begun: its own start must not take time from what it waits for. Nor must its looks: to count a map takes a lock for each of
    /// its buckets, so it begins when as many ids have been given.
    /// </summary>
    /// <param name="pins">The folder of the maps.</param>
    /// <param name="entries">How many.</param>
    public static int Await(string pins, int entries)
    {
        Console.WriteLine("waiting");
        Wait("cilium_lb_ids", map => map.As<uint, uint>().TryLookup(NextService, out var next) && next > entries);
        Wait("cilium_lb_frontends", map => Count(map) >= entries);
        Console.WriteLine(File.ReadAllText("/proc/uptime").Split(' ')[0]);
        return 0;

        void Wait(string name, Func<BpfMap, bool> isThere)
        {
            while (true)
            {
                using var map = BpfPins.OpenMapOrNull(Path.Combine(pins, name));
                if (map is not null && isThere(map))
                    return;
                Thread.Sleep(2);
            }
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
