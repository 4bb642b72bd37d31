using Cilium.Netlink;

namespace Cilium.KernelTests;

public sealed class MountNamespaceTests
{
    [Fact]
    public void A_thread_sees_other_files_and_another_host_name_and_so_does_its_child()
    {
        const string target = "/etc/hosts", name = "/proc/sys/kernel/hostname";
        string machine = File.ReadAllText(target), machineName = File.ReadAllText(name);
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "10.9.8.7 somebody\n");
        try
        {
            using var network = NetworkNamespace.CreateUnnamed();
            var (hosts, hostName, child) = network.Run(() =>
            {
                MountNamespace.EnterNew("pod-of-a-test", [(file, target), (file, "/etc/no-such-file-of-a-test")]);
                using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("cat", [target, name]) { RedirectStandardOutput = true })!;
                return (File.ReadAllText(target), File.ReadAllText(name), process.StandardOutput.ReadToEnd());
            });
            Assert.Equal("10.9.8.7 somebody\n", hosts);
            Assert.Equal("pod-of-a-test\n", hostName);
            Assert.Equal(hosts + hostName, child);
            Assert.Equal(machine, File.ReadAllText(target));
            Assert.Equal(machineName, File.ReadAllText(name));
        }
        finally
        {
            File.Delete(file);
        }
    }
}
