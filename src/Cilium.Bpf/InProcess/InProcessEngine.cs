using System.Collections.Concurrent;
using Cilium.Bpf.InProcess.Maps;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess;

/// <summary>
/// An engine in this process: maps in its memory, and the bytecode of the kernel's programs interpreted or compiled. It needs no
/// privilege and no Linux. Give it to <see cref="BpfObject.Open(string, ReadOnlySpan{byte}, BpfEngine)"/> and
/// <see cref="BpfMap.Create(string, MapShape, BpfEngine, BpfMap?)"/>; everything else is as with the kernel. Objects share maps only
/// within an engine. Safe for use from many threads: as many runs go on at the same time as there are virtual CPUs, others wait.
/// </summary>
public sealed class InProcessEngine : BpfEngine
{
    private readonly Machine[] _machines;
    private readonly ConcurrentDictionary<uint, WeakReference<LoadedProgram>> _programs = new();
    private readonly Lock _randomLock = new();
    private readonly Random _random;
    private readonly long _frequency;
    private BpfPacket? _scratch;
    private uint _programCount;

    /// <summary>Makes an engine.</summary>
    /// <param name="options">Clock, random source, CPUs, form of execution and budget; null for the defaults.</param>
    public InProcessEngine(InProcessOptions? options = null)
    {
        Options = options ?? new InProcessOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(Options.Cpus, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Options.Cpus, 1024);
        ArgumentOutOfRangeException.ThrowIfLessThan(Options.InstructionBudget, 1);
        Cpus = Options.Cpus;
        InstructionBudget = Options.InstructionBudget;
        _random = Options.Random;
        _frequency = Options.Time.TimestampFrequency;
        Regions = new RegionTable(Cpus);
        _machines = new Machine[Cpus];
        for (var cpu = 0; cpu < Cpus; cpu++)
            _machines[cpu] = new Machine(this, cpu);
        Retirement.Watch(_machines);
    }

    /// <summary>As given.</summary>
    public InProcessOptions Options { get; }

    /// <inheritdoc/>
    public override string Name => "in process";

    /// <summary>What each map holds now, inner maps and variables of objects included, in no order.</summary>
    public IReadOnlyList<InProcessMapUsage> MapUsage() => [.. Maps.All.Select(map => new InProcessMapUsage(map.Name, map.Shape, map.Entries, map.Bytes))];

    /// <summary>A control group exists: programs find it (<c>bpf_cgroup_from_id</c>) and may store values on it.</summary>
    /// <param name="id">Its number, not zero.</param>
    public void AddCgroup(ulong id)
    {
        ArgumentOutOfRangeException.ThrowIfZero(id);
        Owners.AddGroup(id);
    }

    /// <summary>A control group ends, and with it what programs stored on it. An absent one is success.</summary>
    public void RemoveCgroup(ulong id) => Owners.RemoveGroup(id);

    /// <summary>The socket with a cookie ends, and with it what programs stored on it. An absent one is success.</summary>
    public void RemoveSocket(ulong cookie) => Owners.RemoveSocket(cookie);

    /// <inheritdoc/>
    public override int Cpus { get; }

    internal long InstructionBudget { get; }

    internal RegionTable Regions { get; }

    internal MapRegistry Maps { get; } = new();

    internal Retirement Retirement { get; } = new();

    internal StorageOwners Owners { get; } = new();

    internal override ObjectBackend Open(string name, ReadOnlySpan<byte> elf) => new InProcessObject(this, name, elf);

    internal override MapBackend CreateMap(string name, MapShape shape, BpfMap? inner) => new InProcessMap(MapFactory.Create(this, name, shape, inner?.Shape));

    /// <summary>A free virtual CPU for the calling thread.</summary>
    internal Machine Enter()
    {
        var spin = new SpinWait();
        var preferred = (uint)Environment.CurrentManagedThreadId % (uint)_machines.Length;
        while (true)
        {
            for (var i = 0u; i < (uint)_machines.Length; i++)
            {
                var machine = _machines[(preferred + i) % (uint)_machines.Length];
                if (machine.Epoch == 0 && Interlocked.CompareExchange(ref machine.Epoch, Retirement.Epoch, 0) == 0)
                    return machine;
            }
            spin.SpinOnce();
        }
    }

    internal void Leave(Machine machine)
    {
        Volatile.Write(ref machine.Epoch, 0);
        if (Retirement.HasWaiting)
            Retirement.Collect();
    }

    /// <summary>Runs a program once on a context.</summary>
    internal int Run(LoadedProgram program, BpfContext context, IBpfObserver? observer = null)
    {
        var machine = Enter();
        machine.Observer = observer;
        try
        {
            var verdict = (int)program.Invoke(machine, machine.Begin(program, context));
            machine.CheckReleased();
            return verdict;
        }
        finally
        {
            machine.End();
            Leave(machine);
        }
    }

    /// <summary>A packet for a test run.</summary>
    internal BpfPacket TakeScratch() => Interlocked.Exchange(ref _scratch, null) ?? new BpfPacket();

    internal void GiveBackScratch(BpfPacket packet)
    {
        if (Interlocked.CompareExchange(ref _scratch, packet, null) is not null)
            packet.Dispose();
    }

    internal ulong Nanoseconds()
    {
        var timestamp = Options.Time.GetTimestamp();
        return _frequency == 1_000_000_000 ? (ulong)timestamp : (ulong)((Int128)timestamp * 1_000_000_000 / _frequency);
    }

    internal uint NextRandom()
    {
        if (ReferenceEquals(_random, Random.Shared))
            return (uint)_random.NextInt64(1L << 32);
        lock (_randomLock)
            return (uint)_random.NextInt64(1L << 32);
    }

    internal uint Add(LoadedProgram program)
    {
        var id = Interlocked.Increment(ref _programCount);
        _programs[id] = new WeakReference<LoadedProgram>(program);
        return id;
    }

    internal LoadedProgram? ProgramOrNull(uint id) =>
        _programs.TryGetValue(id, out var reference) && reference.TryGetTarget(out var program) ? program : null;
}
