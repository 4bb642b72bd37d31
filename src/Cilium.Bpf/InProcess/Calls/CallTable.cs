using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>A function of the kernel that programs call by number: arguments in registers 1 to 5, the result in register 0.</summary>
internal delegate ulong HelperCall(Machine machine, ulong a, ulong b, ulong c, ulong d, ulong e);

/// <summary>The kernel's functions that this engine has, by number (<c>enum bpf_func_id</c>).</summary>
internal static class CallTable
{
    internal const int MapLookup = 1;
    internal const int TailCall = 12;

    private const int Any = 0;
    private const int PacketOnly = 1;
    private const int ClassifierOnly = 2;
    private const int XdpOnly = 3;
    private const int AddressOnly = 4;
    private const int NotXdp = 5;

    /// <summary>From here on: functions that programs call by name (kfuncs), with numbers of our own.</summary>
    internal const int FirstNamed = 256;

    private const int Functions = FirstNamed + 2;
    private static readonly HelperCall?[] s_calls = new HelperCall?[Functions];
    private static readonly string?[] s_names = new string?[Functions];
    private static readonly byte[] s_where = new byte[Functions];

    static CallTable()
    {
        Add(1, "map_lookup_elem", MapCalls.Lookup);
        Add(2, "map_update_elem", MapCalls.Update);
        Add(3, "map_delete_elem", MapCalls.Delete);
        Add(5, "ktime_get_ns", HostCalls.Nanoseconds);
        Add(7, "get_prandom_u32", HostCalls.Random);
        Add(8, "get_smp_processor_id", HostCalls.Cpu);
        Add(9, "skb_store_bytes", SkbCalls.Store, ClassifierOnly);
        Add(10, "l3_csum_replace", ChecksumCalls.ReplaceL3, ClassifierOnly);
        Add(11, "l4_csum_replace", ChecksumCalls.ReplaceL4, ClassifierOnly);
        Add(12, "tail_call", HostCalls.TailCall);
        Add(20, "skb_get_tunnel_key", TunnelCalls.Get, ClassifierOnly);
        Add(21, "skb_set_tunnel_key", TunnelCalls.Set, ClassifierOnly);
        Add(23, "redirect", RedirectCalls.Redirect, PacketOnly);
        Add(26, "skb_load_bytes", SkbCalls.Load, ClassifierOnly);
        Add(28, "csum_diff", ChecksumCalls.Difference);
        Add(32, "skb_change_type", SkbCalls.ChangeType, ClassifierOnly);
        Add(34, "get_hash_recalc", SkbCalls.Hash, ClassifierOnly);
        Add(38, "skb_change_tail", SkbCalls.ChangeTail, ClassifierOnly);
        Add(39, "skb_pull_data", SkbCalls.Pull, ClassifierOnly);
        Add(40, "csum_update", ChecksumCalls.Update, ClassifierOnly);
        Add(41, "set_hash_invalid", SkbCalls.ForgetHash, ClassifierOnly);
        Add(42, "get_numa_node_id", HostCalls.Zero);
        Add(43, "skb_change_head", SkbCalls.ChangeHead, ClassifierOnly);
        Add(44, "xdp_adjust_head", XdpCalls.AdjustHead, XdpOnly);
        Add(46, "get_socket_cookie", SocketCalls.Cookie);
        Add(50, "skb_adjust_room", RoomCalls.Adjust, ClassifierOnly);
        Add(54, "xdp_adjust_meta", XdpCalls.AdjustMeta, XdpOnly);
        Add(65, "xdp_adjust_tail", XdpCalls.AdjustTail, XdpOnly);
        Add(69, "fib_lookup", RoutingCalls.Lookup, PacketOnly);
        Add(80, "get_current_cgroup_id", SocketCalls.CgroupId, AddressOnly);
        Add(84, "sk_lookup_tcp", SocketLookupCalls.Tcp);
        Add(85, "sk_lookup_udp", SocketLookupCalls.Udp);
        Add(86, "sk_release", SocketLookupCalls.Release);
        Add(95, "sk_fullsock", SocketLookupCalls.Full, ClassifierOnly);
        Add(99, "skc_lookup_tcp", SocketLookupCalls.TcpOrRequest);
        Add(107, "sk_storage_get", StorageCalls.GetBySocket, NotXdp);
        Add(108, "sk_storage_delete", StorageCalls.DeleteBySocket, NotXdp);
        Add(122, "get_netns_cookie", SocketCalls.NetnsCookie, AddressOnly);
        Add(125, "ktime_get_boot_ns", HostCalls.Nanoseconds);
        Add(130, "ringbuf_output", RingCalls.Output);
        Add(131, "ringbuf_reserve", RingCalls.Reserve);
        Add(132, "ringbuf_submit", RingCalls.Submit);
        Add(133, "ringbuf_discard", RingCalls.Discard);
        Add(134, "ringbuf_query", RingCalls.Query);
        Add(152, "redirect_neigh", RedirectCalls.Neighbour, ClassifierOnly);
        Add(155, "redirect_peer", RedirectCalls.Peer, ClassifierOnly);
        Add(160, "ktime_get_coarse_ns", HostCalls.Nanoseconds);
        Add(181, "loop", HostCalls.Loop);
        Add(186, "get_retval", SocketCalls.GetReturnValue, AddressOnly);
        Add(187, "set_retval", SocketCalls.SetReturnValue, AddressOnly);
        Add(188, "xdp_get_buff_len", XdpCalls.Length, XdpOnly);
        Add(189, "xdp_load_bytes", XdpCalls.Load, XdpOnly);
        Add(190, "xdp_store_bytes", XdpCalls.Store, XdpOnly);
        Add(195, "map_lookup_percpu_elem", MapCalls.LookupPerCpu);
        Add(210, "cgrp_storage_get", StorageCalls.GetByGroup);
        Add(211, "cgrp_storage_delete", StorageCalls.DeleteByGroup);
        Add(FirstNamed, "cgroup_from_id", StorageCalls.GroupFromId);
        Add(FirstNamed + 1, "cgroup_release", StorageCalls.ReleaseGroup);
    }

    /// <summary>The function with a number that <see cref="Reject"/> accepts.</summary>
    internal static HelperCall Call(int number) => s_calls[number]!;

    /// <summary>The function's name, without the prefix <c>bpf_</c>.</summary>
    internal static string Name(int number) => number >= 0 && number < s_names.Length && s_names[number] is { } name ? name : $"#{number}";

    /// <summary>The number of a function that programs call by name, or -1.</summary>
    internal static int NumberOf(string name)
    {
        for (var number = FirstNamed; number < Functions; number++)
        {
            if (name == "bpf_" + s_names[number])
                return number;
        }
        return -1;
    }

    /// <summary>Why programs of a type cannot call a function, or null when they can.</summary>
    internal static string? Reject(int number, ProgramType type)
    {
        if (number < 0 || number >= s_calls.Length || s_calls[number] is null)
            return $"the engine has no function number {number} of the kernel";
        var fits = s_where[number] switch
        {
            PacketOnly => type is ProgramType.SchedCls or ProgramType.Xdp,
            ClassifierOnly => type == ProgramType.SchedCls,
            XdpOnly => type == ProgramType.Xdp,
            AddressOnly => type == ProgramType.CgroupSockAddr,
            NotXdp => type != ProgramType.Xdp,
            _ => true,
        };
        return fits ? null : $"bpf_{Name(number)} is not for programs of type {type}";
    }

    private static void Add(int number, string name, HelperCall call, byte where = Any) =>
        (s_names[number], s_calls[number], s_where[number]) = (name, call, where);
}
