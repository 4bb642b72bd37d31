namespace Cilium.Policy.Tests.Selectors;

public sealed class SelectorScopeTests
{
    private static readonly SelectorScope s_namespaced = new("n0");
    private static readonly SelectorScope s_clusterWide = new(null);

    [Fact]
    public void A_peer_is_held_to_the_policys_namespace() => Assert.Equal(
        LabelSelector.Parse("app=a", "k8s:io.kubernetes.pod.namespace=n0"), s_namespaced.ScopePeer(LabelSelector.Parse("app=a"), LabelSelector.All));

    [Fact]
    public void A_peer_by_labels_of_namespaces_is_of_any_namespace_and_cluster_wide_still_a_pod()
    {
        var selector = LabelSelector.Parse("k8s:io.cilium.k8s.namespace.labels.team=x");
        Assert.Equal(selector, s_namespaced.ScopePeer(selector, LabelSelector.All));
        var isPod = LabelRequirement.Create("k8s:io.kubernetes.pod.namespace", SelectorOperator.Exists);
        Assert.Equal(selector.And(isPod), s_clusterWide.ScopePeer(selector, LabelSelector.All));
        Assert.Equal(selector, s_clusterWide.ScopePeer(selector, LabelSelector.Parse("reserved:init")));
    }

    [Theory]
    [InlineData("k8s:io.kubernetes.pod.namespace=n1")]
    [InlineData("io.kubernetes.pod.namespace=n1")]
    [InlineData("reserved:host")]
    public void A_peer_that_names_namespaces_or_reserved_labels_is_left_alone(string requirement)
    {
        var selector = LabelSelector.Parse(requirement);
        Assert.Equal(selector, s_namespaced.ScopePeer(selector, LabelSelector.All));
        Assert.Equal(selector, s_clusterWide.ScopePeer(selector, LabelSelector.All));
    }

    [Fact]
    public void A_cluster_wide_empty_peer_means_any_pod_unless_the_subject_is_init()
    {
        var anyPod = LabelSelector.Create(LabelRequirement.Create("k8s:io.kubernetes.pod.namespace", SelectorOperator.Exists));
        Assert.Equal(anyPod, s_clusterWide.ScopePeer(LabelSelector.All, LabelSelector.All));
        Assert.Equal(LabelSelector.All, s_clusterWide.ScopePeer(LabelSelector.All, LabelSelector.Parse("reserved:init")));
    }

    [Fact]
    public void Another_namespace_of_a_subjects_labels_is_overwritten_and_reported()
    {
        var scoped = s_namespaced.ScopeSubject(LabelSelector.Parse("app=a", "k8s:io.kubernetes.pod.namespace=n1"), "n1", out var asksForAnother);
        Assert.True(asksForAnother);
        Assert.Equal(LabelSelector.Parse("app=a", "k8s:io.kubernetes.pod.namespace=n0"), scoped);
        Assert.Equal(scoped, s_namespaced.ScopeSubject(LabelSelector.Parse("app=a", "k8s:io.kubernetes.pod.namespace=n0"), "n0", out asksForAnother));
        Assert.False(asksForAnother);
        Assert.Equal(LabelSelector.All, s_clusterWide.ScopeSubject(LabelSelector.All, null, out _));
    }

    [Theory]
    [InlineData("k8s:io.kubernetes.pod.namespace", SelectorOperator.In, "n1", true)]
    [InlineData("io.kubernetes.pod.namespace", SelectorOperator.In, "n1", true)]
    [InlineData("k8s:io.kubernetes.pod.namespace", SelectorOperator.NotIn, "n0", true)]
    [InlineData("k8s:io.kubernetes.pod.namespace", SelectorOperator.In, "n0", false)]
    [InlineData("k8s:io.kubernetes.pod.namespace", SelectorOperator.NotIn, "n1", false)]
    public void What_a_subject_asks_of_the_namespace_otherwise_stays_beside_its_own(string key, SelectorOperator comparison, string value, bool asksForAnother)
    {
        var requirement = LabelRequirement.Create(key, comparison, value);
        var scoped = s_namespaced.ScopeSubject(LabelSelector.Create(requirement), null, out var asked);
        Assert.Equal(asksForAnother, asked);
        Assert.Equal(LabelSelector.Parse("k8s:io.kubernetes.pod.namespace=n0").And(requirement), scoped);
    }
}
