using Cilium.Core;

namespace Cilium.Policy.Tests.Labels;

public sealed class LabelFilterTests
{
    [Theory]
    [InlineData("app", true)]
    [InlineData("app.kubernetes.io/name", true)]
    [InlineData("io.kubernetes.pod.namespace", true)]
    [InlineData("io.kubernetes.pod.name", false)]
    [InlineData("io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name", true)]
    [InlineData("kubernetes.io/hostname", false)]
    [InlineData("k8s.io/cluster", false)]
    [InlineData("k8s-app", true)]
    [InlineData("node.beta.kubernetes.io/zone", false)]
    [InlineData("pod-template-hash", false)]
    [InlineData("controller-uid", false)]
    [InlineData("batch.kubernetes.io/job-name", true)]
    [InlineData("batch.kubernetes.io/controller-uid", false)]
    [InlineData("statefulset.kubernetes.io/pod-name", false)]
    [InlineData("annotation.x", false)]
    public void Defaults(string key, bool isIncluded) => Assert.Equal(isIncluded, LabelFilter.Default.Includes(new Label("k8s", key, "v")));

    [Fact]
    public void A_users_exclude_only_removes()
    {
        var filter = LabelFilter.Parse("k8s:!foo");
        Assert.False(filter.Includes(new Label("k8s", "foobar", "")));
        Assert.True(filter.Includes(new Label("other", "foo", "")));
        Assert.True(filter.Includes(new Label("k8s", "bar", "")));
    }

    [Fact]
    public void A_users_include_makes_a_whitelist_beside_the_built_in_one()
    {
        var filter = LabelFilter.Parse("k8s:app k8s:!app2");
        Assert.True(filter.Includes(new Label("k8s", "app", "")));
        Assert.False(filter.Includes(new Label("k8s", "tier", "")));
        Assert.True(filter.Includes(new Label("k8s", "io.kubernetes.pod.namespace", "")));
        Assert.False(filter.Includes(new Label("k8s", "app2", "")));
    }

    [Theory]
    [InlineData("k8s:")]
    [InlineData("!")]
    [InlineData("k8s:(")]
    public void A_bad_entry_is_named(string entry) => Assert.Contains(entry, Assert.Throws<FormatException>(() => LabelFilter.Parse($"ok {entry}")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_pods_identity_is_its_labels_its_namespace_its_account_and_its_cluster()
    {
        var pod = new PodLabels
        {
            Namespace = "default",
            Labels = new Dictionary<string, string> { ["app"] = "x", ["io.cilium.k8s.policy.cluster"] = "forged", ["pod-template-hash"] = "1" },
            NamespaceLabels = new Dictionary<string, string> { ["kubernetes.io/metadata.name"] = "default" },
            ServiceAccount = "sa",
            ClusterName = "c1",
        };
        Assert.Equal(
            LabelSet.Parse(
                "k8s:app=x",
                "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=default",
                "k8s:io.kubernetes.pod.namespace=default",
                "k8s:io.cilium.k8s.policy.serviceaccount=sa",
                "k8s:io.cilium.k8s.policy.cluster=c1"),
            pod.Derive(LabelFilter.Default));
    }
}
