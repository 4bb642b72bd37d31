using Cilium.Netlink;

namespace Cilium.KernelTests;

public sealed class NetworkNamespaceTests : IDisposable
{
    private readonly string _name = $"ck-{Environment.ProcessId}-ns";

    public void Dispose() => NetworkNamespace.Delete(_name);

    [Fact]
    public void A_named_namespace_is_there_from_when_it_is_mounted_until_it_is_deleted()
    {
        Assert.Null(NetworkNamespace.OpenNamedOrNull(_name));
        using (NetworkNamespace.Create(_name))
        {
            using var found = NetworkNamespace.OpenNamedOrNull(_name);
            Assert.NotNull(found);
        }

        Assert.True(NetworkNamespace.Delete(_name));
        Assert.Null(NetworkNamespace.OpenNamedOrNull(_name));
    }

    [Fact]
    public void A_file_that_is_not_mounted_on_is_no_namespace_yet()
    {
        // What is there for a moment while somebody makes one, and after a crash.
        Directory.CreateDirectory(Path.GetDirectoryName(NetworkNamespace.PathOf(_name))!);
        File.Create(NetworkNamespace.PathOf(_name)).Dispose();
        Assert.Null(NetworkNamespace.OpenNamedOrNull(_name));
        var refusal = Assert.Throws<NetlinkException>(() => NetworkNamespace.Open(NetworkNamespace.PathOf(_name)));
        Assert.Contains(_name, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_namespace_of_another_kind_is_refused()
    {
        var refusal = Assert.Throws<NetlinkException>(() => NetworkNamespace.Open("/proc/self/ns/mnt"));
        Assert.Contains("network namespace", refusal.Message, StringComparison.Ordinal);
    }
}
