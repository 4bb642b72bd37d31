using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Cilium.Bpf;
using Cilium.Datapath.Maps;
using Cilium.Datapath.Policies;

namespace Cilium.DatapathTests;

/// <summary>Every type that repeats a C struct or enum is compared with the BTF of the shipped objects.</summary>
public sealed partial class LayoutTests
{
    private static readonly BtfStruct[] Structs = [.. Objects().SelectMany(o => o.Structs())];
    private static readonly BtfEnum[] Enums = [.. Objects().SelectMany(o => o.Enums())];

    public static TheoryData<Type> StructTypes() => [.. typeof(CStructAttribute).Assembly.GetTypes().Where(t => t.GetCustomAttribute<CStructAttribute>() is not null)];

    public static TheoryData<Type> EnumTypes() => [.. typeof(CEnumAttribute).Assembly.GetTypes().Where(t => t.GetCustomAttribute<CEnumAttribute>() is not null)];

    [Theory]
    [MemberData(nameof(StructTypes))]
    public void A_struct_has_size_offsets_and_names_of_its_C_twin(Type type)
    {
        var name = type.GetCustomAttribute<CStructAttribute>()!.Name;
        var twin = Structs.FirstOrDefault(s => s.Name == name);
        Assert.True(twin is not null, $"no object has struct {name}");
        Assert.Equal(twin.Size, SizeOf(type));
        var fields = type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
        if (twin.Members.Count == 1 && fields.Length > 1)
            return; // One array or union in C, named words here: only the size says something.
        foreach (var (field, offset) in fields.Zip(Offsets(fields)))
        {
            var text = Snake(field.Name);
            var member = twin.Members.FirstOrDefault(m => m.Name == text);
            if (member is null)
            {
                // A padding array is as many named bytes here.
                member = twin.Members.Single(m => m.Name == text.TrimEnd('0', '1', '2'));
                Assert.Equal(member.Offset + (text[^1] - '0'), offset);
                continue;
            }
            Assert.Equal((text, member.Offset, member.Size), (text, offset, SizeOf(field.FieldType)));
        }
    }

    [Theory]
    [MemberData(nameof(EnumTypes))]
    public void An_enum_has_the_numbers_of_its_C_twin(Type type)
    {
        var attribute = type.GetCustomAttribute<CEnumAttribute>()!;
        var twin = Enums.FirstOrDefault(e => e.Name == attribute.Name);
        Assert.True(twin is not null, $"no object has enum {attribute.Name}");
        var ours = Enum.GetNames(type).Where(n => !(n == "None" && twin.Values.All(v => v.Value != 0)))
            .ToDictionary(n => Snake(n).ToUpperInvariant(), n => Convert.ToInt64(Enum.Parse(type, n), System.Globalization.CultureInfo.InvariantCulture));
        var theirs = twin.Values.ToDictionary(v => v.Key.StartsWith(attribute.Prefix, StringComparison.Ordinal) ? v.Key[attribute.Prefix.Length..] : v.Key, v => v.Value);
        Assert.Equal(theirs.OrderBy(v => v.Key, StringComparer.Ordinal), ours.OrderBy(v => v.Key, StringComparer.Ordinal));
    }

    [Fact]
    public void Every_map_of_the_datapath_has_typed_keys_and_values()
    {
        using var obj = Bench.Open("lxc");
        Assert.Equal(PolicyStatistics.Counters, obj.Maps.Single(map => map.Name == "cilium_policy_stats").Shape.MaxEntries);
        Assert.Equal(EqualSizes(obj), obj.Maps.Where(m => m.Name.StartsWith("cilium_", StringComparison.Ordinal)).Select(m => (m.Name, m.Shape.KeyBytes, m.Shape.ValueBytes))
            .Where(m => m.KeyBytes != 0).OrderBy(m => m.Name, StringComparer.Ordinal));
    }

    private static IEnumerable<(string Name, int KeyBytes, int ValueBytes)> EqualSizes(BpfObject obj)
    {
        _ = obj;
        return new (string, int, int)[]
        {
            ("cilium_ct", Unsafe.SizeOf<CtTuple>(), Unsafe.SizeOf<CtEntry>()),
            ("cilium_ct_scratch", 4, Unsafe.SizeOf<CtEntry>()),
            ("cilium_device_addresses", 4, Unsafe.SizeOf<DeviceAddresses>()),
            ("cilium_devices", 4, Unsafe.SizeOf<EndpointRow>()),
            ("cilium_devices_high", 4, Unsafe.SizeOf<EndpointRow>()),
            ("cilium_forwarded", 4, Unsafe.SizeOf<MetricsValue>()),
            ("cilium_frag", Unsafe.SizeOf<FragmentKey>(), Unsafe.SizeOf<FragmentValue>()),
            ("cilium_ipcache", Unsafe.SizeOf<IpcacheKey>(), Unsafe.SizeOf<IpcacheValue>()),
            ("cilium_lb_affinity", Unsafe.SizeOf<AffinityKey>(), Unsafe.SizeOf<AffinityValue>()),
            ("cilium_lb_affinity_members", Unsafe.SizeOf<AffinityMember>(), 4),
            ("cilium_lb_source_ranges", Unsafe.SizeOf<SourceRangeKey>(), 4),
            ("cilium_lb_backends", 4, Unsafe.SizeOf<BackendValue>()),
            ("cilium_lb_frontends", Unsafe.SizeOf<FrontendKey>(), Unsafe.SizeOf<FrontendValue>()),
            ("cilium_lb_ids", 4, 4),
            ("cilium_lb_revnat", 4, Unsafe.SizeOf<RevNatValue>()),
            ("cilium_lb_sk_recent", 4, Unsafe.SizeOf<SocketSlot>()),
            ("cilium_lb_sk_rev", Unsafe.SizeOf<SocketRevNatKey>(), Unsafe.SizeOf<SocketRevNatValue>()),
            ("cilium_lb_sk_tcp", 4, Unsafe.SizeOf<SocketService>()),
            ("cilium_lb_slots", Unsafe.SizeOf<SlotKey>(), Unsafe.SizeOf<SlotValue>()),
            ("cilium_lost", 4, 8),
            ("cilium_reader_sleeps", 4, 4),
            ("cilium_lxc", Unsafe.SizeOf<Addr128>(), Unsafe.SizeOf<EndpointRow>()),
            ("cilium_metrics", Unsafe.SizeOf<MetricsKey>(), Unsafe.SizeOf<MetricsValue>()),
            ("cilium_policy", 4, 4),
            ("cilium_policy_stamp", 4, 4),
            ("cilium_policy_stats", 4, Unsafe.SizeOf<MetricsValue>()),
            ("cilium_snat", Unsafe.SizeOf<SnatKey>(), Unsafe.SizeOf<SnatValue>()),
        }.OrderBy(m => m.Item1, StringComparer.Ordinal);
    }

    private static List<Btf> Objects()
    {
        var all = new List<Btf>();
        using (var layouts = Bench.Open(typeof(LayoutTests).Assembly, "layouts.bpf.o"))
            all.Add(layouts.Btf);
        foreach (var name in new[] { "lxc", "host", "overlay", "netdev", "sock" })
        {
            using var obj = Bench.Open(name);
            all.Add(obj.Btf);
        }
        return all;
    }

    /// <summary>With Pack = 1 a field begins where the one before it ends.</summary>
    private static IEnumerable<int> Offsets(FieldInfo[] fields)
    {
        var offset = 0;
        foreach (var field in fields)
        {
            yield return offset;
            offset += SizeOf(field.FieldType);
        }
    }

    private static int SizeOf(Type type)
    {
        Assert.True(type.IsEnum || type.IsPrimitive || type.StructLayoutAttribute is { Value: LayoutKind.Sequential, Pack: 1 }, $"{type} is not packed");
        return (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;
    }

    private static string Snake(string name)
    {
        if (BackingField().Match(name) is { Success: true } match)
            name = match.Groups[1].Value;
        return Word().Replace(name.Replace("IP", "Ip", StringComparison.Ordinal), "_$1").TrimStart('_').ToLowerInvariant();
    }

    [GeneratedRegex("<(.*)>k__BackingField")]
    private static partial Regex BackingField();

    [GeneratedRegex("([A-Z])")]
    private static partial Regex Word();
}
