using System.Text;

namespace Cilium.Bpf.Native;

/// <summary>An object opened by libbpf, for the kernel.</summary>
internal sealed unsafe class KernelObject : ObjectBackend
{
    private const string ConstantsSection = ".rodata";

    private readonly string _name;
    private readonly Dictionary<string, nint> _maps = [];
    private readonly Dictionary<string, nint> _programs = [];
    private nint _object;

    private KernelObject(string name, nint obj)
    {
        _name = name;
        _object = obj;
        uint length = 0;
        var raw = LibBpf.bpf_object__btf(obj) is var btf and not 0 ? LibBpf.btf__raw_data(btf, &length) : null;
        Btf = Btf.TryParse(new ReadOnlySpan<byte>(raw, (int)length), out var parsed) ? parsed : Btf.Empty;
        var maps = new List<MapDeclaration>();
        for (var map = LibBpf.bpf_object__next_map(obj, 0); map != 0; map = LibBpf.bpf_object__next_map(obj, map))
        {
            var declaration = MapDeclaration.Read(map);
            maps.Add(declaration);
            _maps[declaration.Name] = map;
        }
        var programs = new List<ProgramDeclaration>();
        for (var program = LibBpf.bpf_object__next_program(obj, 0); program != 0; program = LibBpf.bpf_object__next_program(obj, program))
        {
            var declaration = ProgramDeclaration.Read(program);
            programs.Add(declaration);
            _programs[declaration.Name] = program;
        }
        Maps = maps;
        Programs = programs;
    }

    /// <summary>Closes a forgotten object.</summary>
    ~KernelObject() => Close();

    internal override Btf Btf { get; }

    internal override IReadOnlyList<MapDeclaration> Maps { get; }

    internal override IReadOnlyList<ProgramDeclaration> Programs { get; }

    internal override Span<byte> Constants
    {
        get
        {
            foreach (var (name, map) in _maps)
            {
                if (LibBpf.bpf_map__is_internal(map) == 0 || !name.EndsWith(ConstantsSection, StringComparison.Ordinal))
                    continue;
                nuint size;
                var bytes = LibBpf.bpf_map__initial_value(map, &size);
                return new Span<byte>(bytes, (int)size);
            }
            return default;
        }
    }

    internal static KernelObject Open(string name, ReadOnlySpan<byte> elf)
    {
        using var log = LibBpfLog.Capture();
        fixed (byte* buffer = elf)
        fixed (byte* nameText = Encoding.UTF8.GetBytes(name + "\0"))
        {
            var options = new LibBpf.ObjectOpenOptions { Size = (nuint)sizeof(LibBpf.ObjectOpenOptions), ObjectName = nameText };
            var obj = LibBpf.bpf_object__open_mem(buffer, (nuint)elf.Length, &options);
            return obj != 0 ? new KernelObject(name, obj) : throw new ArgumentException($"{name} is not a BPF object: {log.Text.Trim()}");
        }
    }

    internal override MapShape ShapeOf(string map) => MapDeclaration.Read(_maps[map]).Shape;

    internal override void SetMaxEntries(string map, uint maxEntries) =>
        Check(LibBpf.bpf_map__set_max_entries(_maps[map], maxEntries), "bpf_map__set_max_entries", map);

    internal override void Reuse(string map, BpfMap existing)
    {
        using var log = LibBpfLog.Capture();
        Check(LibBpf.bpf_map__reuse_fd(_maps[map], existing.Fd.Number), "bpf_map__reuse_fd", map);
        GC.KeepAlive(existing);
    }

    internal override void SetAutoload(string program, bool load) =>
        Check(LibBpf.bpf_program__set_autoload(_programs[program], load ? (byte)1 : (byte)0), "bpf_program__set_autoload", program);

    internal override void Load()
    {
        using var log = LibBpfLog.Capture();
        // Pinning is the caller's affair: libbpf would adopt whatever lies under the declared name.
        foreach (var map in _maps.Values)
            _ = LibBpf.bpf_map__set_pin_path(map, null);
        var result = LibBpf.bpf_object__load(_object);
        if (result < 0)
            throw new VerifierException(-result, _name, log.Text);
    }

    internal override MapBackend Map(string name) => new KernelMap(BpfFd.Duplicate(LibBpf.bpf_map__fd(_maps[name]), name), name);

    internal override ProgramBackend Program(string name) =>
        new KernelProgram(BpfFd.Duplicate(LibBpf.bpf_program__fd(_programs[name]), name), name);

    public override void Dispose()
    {
        Close();
        GC.SuppressFinalize(this);
    }

    private void Close()
    {
        var obj = Interlocked.Exchange(ref _object, 0);
        if (obj != 0)
            LibBpf.bpf_object__close(obj);
    }

    private void Check(int result, string call, string target)
    {
        if (result < 0)
            throw new KernelException(call, -result, $"{_name}/{target}");
    }
}
