using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Ipam;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Tests;

namespace Cilium.ControlPlane.Tests.Ipam;

public sealed class PodPoolsTests
{
    private readonly TestTables _test = new();
    private readonly TestClock _clock = new();

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

    [Theory]
    [InlineData("ip-pool", "Upper", 0)]
    [InlineData("ipv6-pool", "a..b", 0)]
    [InlineData("ip-pool", "-a", 0)]
    [InlineData("ip-pool", "a\n", 0)]
    [InlineData("ip-pool", "", 254)]
    [InlineData("ip-pool", "", 250_000)]
    public async Task What_no_pool_can_be_called_is_refused_in_few_words(string annotation, string name, int length)
    {
        foreach (var isOfPod in (bool[])[true, false])
        {
            var text = $"{annotation}={name}{new string('a', length)}";
            Write(isOfPod ? text : "", isOfPod ? "" : text, "");
            var refusal = await Assert.ThrowsAsync<EndpointException>(() => New().ChooseAsync(new AddressRequest("acme/web-1"), TestContext.Current.CancellationToken));
            Assert.Equal(400, refusal.StatusCode);
            Assert.Contains("acme/web-1", refusal.Message, StringComparison.Ordinal);
            Assert.InRange(refusal.Message.Length, 1, 300);
        }
    }

    [Fact]
    public async Task The_longest_name_of_an_object_is_one_of_a_pool()
    {
        var name = new string('a', 249) + ".b-1";
        Write($"ip-pool={name}", "", "");
        Assert.Equal(name, (await New().ChooseAsync(new AddressRequest("acme/web-1"), TestContext.Current.CancellationToken))!.Value.IPv4Pool);
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

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task What_the_watches_tell_late_is_waited_for(bool knowsPod, bool knowsNamespace)
    {
        Write("", "ip-pool=b", "");
        var (pod, inNamespace) = (_test.Kubernetes.Pods.Snapshot().Values.Single(), _test.Kubernetes.Namespaces.Snapshot().Values.Single());
        Forget(pod: !knowsPod, inNamespace: !knowsNamespace);
        var choosing = New(_clock).ChooseAsync(new AddressRequest("acme/web-1"), TestContext.Current.CancellationToken);
        _clock.Advance(TimeSpan.FromSeconds(9));
        Assert.False(choosing.IsCompleted);

        _test.Write(write => write.Upsert(_test.Kubernetes.Pods, pod));
        _test.Write(write => write.Upsert(_test.Kubernetes.Namespaces, inNamespace));
        Assert.Equal("b", (await choosing)!.Value.IPv4Pool);
    }

    [Theory]
    [InlineData(true, "pod acme/web-1")]
    [InlineData(false, "namespace acme")]
    public async Task A_pod_of_which_not_all_is_known_is_asked_to_come_again(bool lacksPod, string missing)
    {
        Write("", "ip-pool=b", "");
        Forget(lacksPod, !lacksPod);
        var choosing = New(_clock).ChooseAsync(new AddressRequest("acme/web-1"), TestContext.Current.CancellationToken);
        _clock.Advance(TimeSpan.FromSeconds(10));
        var refusal = await Assert.ThrowsAsync<EndpointException>(() => choosing);
        Assert.Equal(503, refusal.StatusCode);
        Assert.Contains(missing, refusal.Message, StringComparison.Ordinal);
    }

    private PodPools New(TimeProvider? time = null) => new(_test.Tables, _test.Options, time ?? TimeProvider.System);

    private void Forget(bool pod, bool inNamespace) => _test.Write(write =>
    {
        if (pod) write.Delete(_test.Kubernetes.Pods, new NamespacedName("acme", "web-1"));
        if (inNamespace) write.Delete(_test.Kubernetes.Namespaces, "acme");
    });

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
