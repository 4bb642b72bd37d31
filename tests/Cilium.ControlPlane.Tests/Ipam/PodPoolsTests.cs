using Cilium.ControlPlane.Ipam;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Tests.Ipam;

public sealed class PodPoolsTests
{
    private readonly TestTables _test = new();

    [Theory]
    [InlineData("", "", "", "default", "default")]
    [InlineData("ip-pool=a", "ip-pool=b", "", "a", "a")]
    [InlineData("", "ip-pool=b", "", "b", "b")]
    [InlineData("ipv6-pool=six", "ip-pool=b", "", "b", "six")]
    [InlineData("ipv4-pool=four,ip-pool=any", "", "", "four", "any")]
    [InlineData("", "", "web", "selecting", "selecting")]
    [InlineData("ip-pool=a", "", "web", "a", "a")]
    public async Task Annotations_of_the_pod_come_first_then_its_namespace_then_selectors(string pod, string inNamespace, string app, string ipv4, string ipv6)
    {
        Write(pod, inNamespace, app);
        var chosen = await New().ChooseAsync(new AddressRequest("acme/web-1"), TestContext.Current.CancellationToken);
        Assert.Equal((ipv4, ipv6), (chosen!.Value.IPv4Pool, chosen.Value.IPv6Pool));
    }

    [Fact]
    public async Task Whoever_must_match_a_pool_gets_none_of_the_default_pool()
    {
        Write("", "require-pool-match=true", "");
        Assert.Null(await New().ChooseAsync(new AddressRequest("acme/web-1"), TestContext.Current.CancellationToken));
        Write("", "require-pool-match=true", "web");
        Assert.Equal("selecting", (await New().ChooseAsync(new AddressRequest("acme/web-1"), TestContext.Current.CancellationToken))!.Value.IPv4Pool);
    }

    [Fact]
    public async Task The_router_is_from_the_default_pool() =>
        Assert.Equal("default", (await New().ChooseAsync(new AddressRequest(AddressOwners.Router), TestContext.Current.CancellationToken))!.Value.IPv4Pool);

    private PodPools New() => new(_test.Tables, _test.Options, TimeProvider.System);

    private void Write(string pod, string inNamespace, string app) => _test.Write(write =>
    {
        write.Upsert(_test.Kubernetes.Pods, new PodRow
        {
            Namespace = "acme",
            Name = "web-1",
            Uid = "u",
            Labels = StringMap.Create([KeyValuePair.Create("app", app)]),
            Annotations = Annotations(pod),
        });
        write.Upsert(_test.Kubernetes.Namespaces, new NamespaceRow { Name = "acme", Annotations = Annotations(inNamespace) });
        var family = new PoolFamily([Prefix.Parse("10.0.0.0/16")], 27);
        write.Upsert(_test.Kubernetes.PodIPPools, new PodIPPoolRow
        {
            Name = "selecting",
            Definition = new PoolDefinition("selecting", family, new PoolFamily([Prefix.Parse("fd00::/104")], 120)),
            PodSelector = ObjectSelector.Of([KeyValuePair.Create("app", "web")]),
        });
        write.Upsert(_test.Kubernetes.PodIPPools, new PodIPPoolRow { Name = "plain", Definition = new PoolDefinition("plain", family, null) });
    });

    private static StringMap Annotations(string text) => StringMap.Create(text.Split(',', StringSplitOptions.RemoveEmptyEntries)
        .Select(pair => KeyValuePair.Create($"ipam.cilium.io/{pair.Split('=')[0]}", pair.Split('=')[1])));
}
