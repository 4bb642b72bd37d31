using Cilium.ControlPlane.Services;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Datapath.LoadBalancing;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Cilium.ControlPlane.Tests.Services;

/// <summary>Several services that want one address and port.</summary>
public sealed class FrontendClaimsTests
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly ServiceRow s_dns = new()
    {
        Namespace = "kube-system",
        Name = "kube-dns",
        CreatedAt = s_start.AddHours(1),
        ClusterIPs = [IpAddr.Parse("10.96.0.10")],
        Ports = [new ServicePort("dns", L4Protocol.Udp, 53, "53", 0)],
    };

    // Older than what it would take over: its age must not help it.
    private static readonly ServiceRow s_thief = s_dns with
    {
        Namespace = "tenant",
        Name = "thief",
        CreatedAt = s_start,
        ClusterIPs = [IpAddr.Parse("10.96.0.66")],
        ExternalIPs = [IpAddr.Parse("10.96.0.10"), IpAddr.Parse("198.51.100.7")],
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_external_address_takes_no_cluster_address_from_its_service(bool isFirst)
    {
        var (test, log) = (NewTables(), new Warnings());
        test.Write(write => write.Upsert(test.Kubernetes.Services, isFirst ? s_thief : s_dns));
        using var stop = new CancellationTokenSource();
        var running = Derivation(test, log).RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => test.Datapath.Frontends.Count == (isFirst ? 3 : 1));
        test.Write(write => write.Upsert(test.Kubernetes.Services, isFirst ? s_dns : s_thief));
        await TestTables.UntilAsync(running, () => test.Datapath.Frontends.Count == 3 && (!isFirst || OwnerOf(test, "10.96.0.10") == "kube-dns"));
        Assert.Equal("kube-dns", OwnerOf(test, "10.96.0.10"));
        Assert.Equal("thief", OwnerOf(test, "198.51.100.7"));

        // What changes while the address is contested is told once.
        test.Write(write => write.Upsert(test.Kubernetes.Services, s_thief with { ExternalIPs = [IpAddr.Parse("10.96.0.10"), IpAddr.Parse("198.51.100.8")] }));
        await TestTables.UntilAsync(running, () => OwnerOf(test, "198.51.100.8") == "thief");
        Assert.Equal(["Frontend 10.96.0.10:53/UDP is wanted by several services: kube-system/kube-dns has it, tenant/thief cannot be reached there"], log.Lines);

        test.Write(write => write.Delete(test.Kubernetes.Services, s_thief.Key));
        await TestTables.UntilAsync(running, () => test.Datapath.Frontends.Count == 1);
        Assert.Equal("kube-dns", OwnerOf(test, "10.96.0.10"));
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task The_next_service_has_the_frontend_when_the_owner_lets_go()
    {
        var (test, log) = (NewTables(), new Warnings());
        var young = s_thief with { Namespace = "a", Name = "young", CreatedAt = s_start.AddHours(2), ClusterIPs = [IpAddr.Parse("10.96.0.67")] };
        test.Write(write =>
        {
            write.Upsert(test.Kubernetes.Services, young);
            write.Upsert(test.Kubernetes.Services, s_thief);
            write.Upsert(test.Kubernetes.Services, s_dns);
        });
        using var stop = new CancellationTokenSource();
        var running = Derivation(test, log).RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => test.Datapath.Frontends.Count == 4);
        Assert.Equal(("kube-dns", "thief"), (OwnerOf(test, "10.96.0.10"), OwnerOf(test, "198.51.100.7")));

        test.Write(write => write.Delete(test.Kubernetes.Services, s_dns.Key));
        await TestTables.UntilAsync(running, () => OwnerOf(test, "10.96.0.10") == "thief");

        // Giving up an address is as good as going.
        test.Write(write => write.Upsert(test.Kubernetes.Services, s_thief with { ExternalIPs = [IpAddr.Parse("198.51.100.7")] }));
        await TestTables.UntilAsync(running, () => OwnerOf(test, "10.96.0.10") == "young");
        Assert.Equal("thief", OwnerOf(test, "198.51.100.7"));
        test.Write(write => write.Delete(test.Kubernetes.Services, young.Key));
        await TestTables.UntilAsync(running, () => OwnerOf(test, "10.96.0.10") is null);
        Assert.Equal("thief", OwnerOf(test, "198.51.100.7"));
        test.Write(write => write.Delete(test.Kubernetes.Services, s_thief.Key));
        await TestTables.UntilAsync(running, () => test.Datapath.Frontends.Count == 0);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task An_address_that_passes_to_another_service_is_no_conflict()
    {
        var (test, log) = (NewTables(), new Warnings());
        test.Write(write => write.Upsert(test.Kubernetes.Services, s_dns));
        using var stop = new CancellationTokenSource();
        var running = Derivation(test, log).RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => OwnerOf(test, "10.96.0.10") == "kube-dns");
        test.Write(write =>
        {
            write.Upsert(test.Kubernetes.Services, s_dns with { Name = "coredns", CreatedAt = s_start.AddHours(3) });
            write.Delete(test.Kubernetes.Services, s_dns.Key);
        });
        await TestTables.UntilAsync(running, () => OwnerOf(test, "10.96.0.10") == "coredns");
        await TestTables.EndAsync(stop, running);
        Assert.Empty(log.Lines);
    }

    [Fact]
    public void A_load_balancers_address_that_is_an_external_one_too_keeps_its_source_ranges()
    {
        var service = s_dns with
        {
            Type = "LoadBalancer",
            LoadBalancerIPs = [IpAddr.Parse("172.16.0.1")],
            ExternalIPs = [IpAddr.Parse("172.16.0.1")],
            SourceRanges = [Prefix.Parse("10.0.0.0/8")],
        };
        Assert.Equal(
            [(FrontendKind.ClusterIP, 0), (FrontendKind.LoadBalancer, 1)],
            ServiceFrontends.Of(service, [], "node-a", "", []).Select(row => (row.Kind, row.SourceRanges.Count)));
    }

    private static TestTables NewTables()
    {
        var test = new TestTables();
        test.Options.Datapath.EnableNodePort = true;
        test.Write(write => write.Upsert(test.Tables.LocalNode, test.Self));
        return test;
    }

    private static ServiceDerivation Derivation(TestTables test, Warnings log) => new(test.Tables, test.Options, TimeProvider.System, log);

    private static string? OwnerOf(TestTables test, string address) =>
        test.Datapath.Frontends.TryGet(new L4Address(IpAddr.Parse(address), 53, L4Protocol.Udp), out var row) ? row.ServiceName : null;

    private sealed class Warnings : ILogger<FrontendClaims>
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<string> _lines = [];

        public IReadOnlyList<string> Lines => [.. _lines];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue(formatter(state, exception));
    }
}
