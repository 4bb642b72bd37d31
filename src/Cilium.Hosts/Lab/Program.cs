Console.Error.WriteLine("cilium-lab: not assembled yet");
return 1;
