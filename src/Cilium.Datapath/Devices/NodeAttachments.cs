using Cilium.Bpf;
using Cilium.Datapath.Kernel;

namespace Cilium.Datapath.Devices;

/// <summary>Attaches the programs of the node's own devices and of its cgroup.</summary>
internal sealed class NodeAttachments(LoadedDatapath loaded, LinkAttacher attacher, DatapathOptions options)
{
    private readonly PinPaths _paths = new(options.BpfRoot);

    internal void Attach(NodeNetwork network)
    {
        // 1. What belongs where, and 2. what the objects have of it.
        var folderOf = AttachDevices(network, _ => true);

        // 3. Links of devices that are no longer ours end with their pins.
        var folders = folderOf.Values.ToHashSet();
        foreach (var folder in Folders(_paths.Devices).Where(folder => !folders.Contains(Path.GetFileName(folder))))
            PinPaths.RemoveFolder(folder);

        AttachSockets();
    }

    /// <summary>Attaches to one device, which was made anew.</summary>
    internal void AttachAgain(NodeNetwork network, string device) => AttachDevices(network, wanted => wanted == device);

    // Returns the folders of all devices that are ours.
    private IReadOnlyDictionary<string, string> AttachDevices(NodeNetwork network, Func<string, bool> isAsked)
    {
        var wanted = Wanted(network);
        var folderOf = PinPaths.DeviceFolders(wanted.Select(w => w.Device).ToHashSet());
        foreach (var (device, ifindex, program, direction) in wanted.Where(w => isAsked(w.Device) && loaded.Has(w.Program)))
            attacher.AttachDevice(loaded.Program(program), ifindex, direction, _paths.DeviceLink(folderOf[device], program));
        return folderOf;
    }

    /// <summary>The programs on the node's devices. The tunnel first: what arrives from other nodes must find its program when routes appear.</summary>
    internal static List<(string Device, int Ifindex, string Program, TcDirection Direction)> Wanted(NodeNetwork network)
    {
        var wanted = new List<(string Device, int Ifindex, string Program, TcDirection Direction)>();
        if (network.Tunnel is { } tunnel)
        {
            wanted.Add((tunnel.Name, tunnel.Index, "cil_from_overlay", TcDirection.Ingress));
            wanted.Add((tunnel.Name, tunnel.Index, "cil_to_overlay", TcDirection.Egress));
        }
        wanted.Add((network.Host.Name, network.Host.Index, "cil_from_host", TcDirection.Egress));
        wanted.Add((network.Host.Name, network.Host.Index, "cil_to_host", TcDirection.Ingress));
        wanted.Add((network.Net.Name, network.Net.Index, "cil_to_host", TcDirection.Ingress));
        foreach (var device in network.Underlay)
        {
            wanted.Add((device.Name, device.Index, "cil_from_netdev", TcDirection.Ingress));
            wanted.Add((device.Name, device.Index, "cil_to_netdev", TcDirection.Egress));
        }
        return wanted;
    }

    private static string[] Folders(string path) => Directory.Exists(path) ? Directory.GetDirectories(path) : [];

    private void AttachSockets()
    {
        if (!options.EnableSocketLoadBalancing)
        {
            PinPaths.RemoveFolder(_paths.SocketLinks);
            return;
        }
        CgroupFileSystem.EnsureMounted(options.CgroupRoot);
        foreach (var program in loaded.SocketPrograms)
        {
            if (SocketHook(program.Name) is { } hook && HasFamily(program.Name))
                LinkAttacher.AttachCgroup(program, options.CgroupRoot, hook, _paths.SocketLink(program.Name));
            else
                BpfPins.Unpin(_paths.SocketLink(program.Name));
        }
    }

    // IPv6 sockets carry IPv4 too (mapped addresses), so their hooks are needed in both cases.
    private bool HasFamily(string program) =>
        options.EnableIPv4 || !program.StartsWith("cil_sock4", StringComparison.Ordinal);

    /// <summary>The hook of a program on socket calls, or null.</summary>
    internal static AttachType? SocketHook(string program) => program switch
    {
        "cil_sock4_connect" => AttachType.CgroupInet4Connect,
        "cil_sock6_connect" => AttachType.CgroupInet6Connect,
        "cil_sock4_sendmsg" => AttachType.CgroupUdp4SendMsg,
        "cil_sock6_sendmsg" => AttachType.CgroupUdp6SendMsg,
        "cil_sock4_recvmsg" => AttachType.CgroupUdp4RecvMsg,
        "cil_sock6_recvmsg" => AttachType.CgroupUdp6RecvMsg,
        "cil_sock4_getpeername" => AttachType.CgroupInet4GetPeerName,
        "cil_sock6_getpeername" => AttachType.CgroupInet6GetPeerName,
        "cil_sock4_bind" => AttachType.CgroupInet4Bind,
        "cil_sock6_bind" => AttachType.CgroupInet6Bind,
        "cil_sock4_post_bind" => AttachType.CgroupInet4PostBind,
        "cil_sock6_post_bind" => AttachType.CgroupInet6PostBind,
        "cil_sock_release" => AttachType.CgroupInetSockRelease,
        _ => null,
    };
}
