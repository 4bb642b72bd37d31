using FsCheck.Xunit;

namespace Cilium.Core.Tests.Labels;

public sealed class LabelSetTests
{
    [Fact]
    public void Order_of_labels_does_not_matter()
    {
        var one = LabelSet.Parse("k8s:app=a", "k8s:io.kubernetes.pod.namespace=default");
        var other = LabelSet.Parse("k8s:io.kubernetes.pod.namespace=default", "k8s:app=a");
        Assert.Equal(one, other);
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
        Assert.Equal("k8s:app=a,k8s:io.kubernetes.pod.namespace=default", one.ToString());
    }

    [Property]
    public bool Labels_round_trip_through_text(string? key, string? value)
    {
        // A key cannot hold the separators, as in Kubernetes.
        var cleanKey = new string((key ?? "").Where(c => c is not ('=' or ':')).ToArray());
        var label = new Label("k8s", cleanKey, value ?? "");
        return Label.Parse(label.ToString()) == label;
    }

    [Fact]
    public void Any_source_finds_every_source()
    {
        var labels = LabelSet.Parse("reserved:host", "k8s:app=a");
        Assert.True(labels.HasKey("any", "host"));
        Assert.False(labels.HasKey("k8s", "host"));
        Assert.True(labels.TryGetValue("any", "app", out var value));
        Assert.Equal("a", value);
    }
}
